"""Command line: ``python -m voicebuilder prepare|train|export|audition``."""

import argparse
from pathlib import Path

from voicebuilder.bank import VESPER


def main() -> None:
    """Run one command."""
    parser = argparse.ArgumentParser(prog="voicebuilder", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    prepare = commands.add_parser("prepare", help="analyse a corpus into the work folder")
    prepare.add_argument("corpus", type=Path)
    train = commands.add_parser("train", help="train one network, or go on training it")
    train.add_argument("stage", choices=("acoustic", "vocoder", "dur"))
    train.add_argument("--steps", type=int, help="planned total number of steps")
    train.add_argument("--minutes", type=float, help="planned total number of minutes, over all runs")
    train.add_argument("--batch", type=int, default=8)
    train.add_argument("--seed", type=int, default=20260)
    export = commands.add_parser("export", help="write the voicebank folder")
    export.add_argument("bank", type=Path)
    for command in (prepare, train, export):
        command.add_argument(
            "--work", type=Path, required=True, help="folder for analyses and checkpoints, outside git"
        )
    prepare.add_argument("--lines", type=int, help="only so many lines per voice")
    prepare.add_argument("--voice", action="append", help="only this corpus voice (may be repeated)")
    audition = commands.add_parser("audition", help="sing test lines with a bank")
    audition.add_argument("bank", type=Path)
    audition.add_argument("out", type=Path)
    audition.add_argument("--speaker", action="append")
    audition.add_argument("--tempo", action="append", choices=("slow", "medium", "fast"))
    audition.add_argument("--songs", type=int, help="only the first so many songs")
    a = parser.parse_args()
    if a.command == "prepare":
        from voicebuilder.recipe import prepare_corpus

        prepare_corpus(a.corpus, a.work, VESPER, lines=a.lines, voices=a.voice)
    elif a.command == "train":
        from voicebuilder.recipe import train_stage

        train_stage(a.stage, a.work, VESPER, steps=a.steps, minutes=a.minutes, batch=a.batch, seed=a.seed)
    elif a.command == "export":
        from voicebuilder.recipe import export_bank

        export_bank(a.work, a.bank, VESPER)
    else:
        from voicebuilder.audition import audition as run

        speakers = tuple(a.speaker or [s.name for s in VESPER.speakers])
        run(a.bank, a.out, speakers=speakers, tempos=tuple(a.tempo or ["medium"]), songs=a.songs)


if __name__ == "__main__":
    main()
