"""Command line: ``python -m voicebuilder prepare|train|export``."""

import argparse
from pathlib import Path

from voicebuilder.bank import VESPER


def main() -> None:
    """Run one command."""
    parser = argparse.ArgumentParser(prog="voicebuilder", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    prepare = commands.add_parser("prepare", help="analyse a corpus into the work folder")
    prepare.add_argument("corpus", type=Path)
    prepare.add_argument("--lines", type=int, help="only so many lines per voice")
    prepare.add_argument("--voice", action="append", help="only this corpus voice (may be repeated)")
    train = commands.add_parser("train", help="train every network, or one of them, or go on training")
    train.add_argument("stage", nargs="?", help="dur, pitch, vocoder or acoustic; default: all, in turn")
    train.add_argument("--steps", type=int, help="planned total number of steps of a stage")
    train.add_argument("--minutes", type=float, help="planned total number of minutes of a stage, over all runs")
    train.add_argument("--batch", type=int, default=8)
    train.add_argument("--seed", type=int, default=20260)
    export = commands.add_parser("export", help="write the voicebank folder")
    export.add_argument("bank", type=Path)
    for command in (prepare, train, export):
        command.add_argument(
            "--work", type=Path, required=True, help="folder for analyses and checkpoints, outside git"
        )
    asked = parser.parse_args()
    from voicebuilder.recipe import STEPS, export_bank, prepare_corpus, train_stage  # torch takes its time

    if asked.command == "prepare":
        prepare_corpus(asked.corpus, asked.work, VESPER, lines=asked.lines, voices=asked.voice)
    elif asked.command == "train":
        if asked.stage not in (None, *STEPS):
            parser.error(f"there is no stage {asked.stage!r}; choose from {', '.join(STEPS)}")
        for stage in STEPS if asked.stage is None else (asked.stage,):
            train_stage(
                stage, asked.work, VESPER, steps=asked.steps, minutes=asked.minutes, batch=asked.batch, seed=asked.seed
            )
    else:
        export_bank(asked.work, asked.bank, VESPER)


if __name__ == "__main__":
    main()
