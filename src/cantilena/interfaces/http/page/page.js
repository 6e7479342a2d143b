// The first page: a score in, a song out. What it shows is what the service answers; it remembers only which session it has.

const STEPS = {
  align: "Laying the words under the notes",
  durations: "Timing the sounds",
  pitch: "Shaping the melody",
  variance: "Shaping the tone",
  synthesize_audio: "Singing",
  postprocess: "Finishing",
};
const FINISHED = ["succeeded", "failed", "canceled"];
const POLL_SECONDS = 20;
const LEAST_PAUSE_MS = 250;
const STORED = "cantilena";

const at = (id) => document.getElementById(id);

// ---- asking the service -------------------------------------------------------------------------------------------

/** An answer that is no success: a problem document, or no answer at all. */
class Problem extends Error {
  constructor({ detail, hint = "", status = 0, part, measure }, retryAfter = 0) {
    super(detail);
    Object.assign(this, { hint, status, part, measure, retryAfter });
  }

  /** Whether asking again later may do. */
  get passes() {
    return this.status === 0 || this.status === 429 || this.status >= 502;
  }
}

async function ask(path, options = {}) {
  let response;
  try {
    response = await fetch(path, { cache: "no-store", ...options });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Problem({ detail: "Cantilena does not answer.", hint: "Is it still running? Then try again." });
  }
  if (response.ok || response.status === 304) return response;
  const retryAfter = Number(response.headers.get("Retry-After")) || 0;
  const told = await response.json().catch(() => ({}));
  throw new Problem({ detail: told.detail ?? told.title ?? "That did not work.", hint: told.hint, status: response.status,
    part: told.part, measure: told.measure }, retryAfter);
}

const rest = (ms) => new Promise((done) => setTimeout(done, ms));

// ---- showing ------------------------------------------------------------------------------------------------------

/** For those who listen to the page: said once each time it changes. */
function say(text) {
  at("said").textContent = text;
}

function show(id, isShown = true) {
  at(id).hidden = !isShown;
}

function showProblem(id, error) {
  const where = placeOf(error);
  const lines = [where ? `${error.message} (${where})` : error.message, error.hint].filter(Boolean);
  at(id).replaceChildren(...lines.map((line) => element("p", line)));
  show(id);
}

function showWarnings(id, warnings) {
  const [summary, list] = at(id).children;
  summary.textContent = warnings.length === 1 ? "One remark" : `${warnings.length} remarks`;
  list.replaceChildren(...warnings.map((warning) => {
    const where = placeOf(warning);
    return element("li", where ? `${where}: ${warning.message}` : warning.message);
  }));
  show(id, warnings.length > 0);
}

function placeOf({ part, measure }) {
  return [part, measure && `measure ${measure}`].filter(Boolean).join(", ");
}

function element(name, text, properties = {}) {
  return Object.assign(document.createElement(name), { textContent: text }, properties);
}

function choose(id, choices) {
  at(id).replaceChildren(...choices);
  at(id).parentElement.hidden = at(id).querySelectorAll("option").length < 2;
}

const clock = (seconds) => `${Math.floor(seconds / 60)}:${String(Math.floor(seconds % 60)).padStart(2, "0")}`;

// ---- the score ----------------------------------------------------------------------------------------------------

let session = null; // {id, score}: score as the service describes it

async function putScore(file) {
  show("score-problem", false);
  show("song", false);
  show("score", false);
  say("Reading the score");
  const form = new FormData();
  form.append("file", file, file.name);
  try {
    const score = await putInSession(form);
    session = { ...session, score, name: file.name };
    sessionStorage.setItem(STORED, JSON.stringify(session));
    watching?.abort();
    show("take", false);
    showScore();
  } catch (error) {
    say("");
    showProblem("score-problem", error);
  }
}

/** Into the session there is, or, when that is gone, into a new one. */
async function putInSession(form) {
  for (;;) {
    const isOld = session !== null;
    session ??= { id: (await (await ask("/sessions", { method: "POST" })).json()).session_id };
    try {
      return await (await ask(`/sessions/${session.id}/score`, { method: "PUT", body: form })).json();
    } catch (error) {
      if (!isOld || error.status !== 404) throw error;
      session = null;
    }
  }
}

function showScore() {
  const { score, name } = session;
  at("title").textContent = score.title || name;
  at("facts").textContent = [score.composer, clock(score.duration_seconds)].filter(Boolean).join(", ");
  showWarnings("score-warnings", score.warnings);
  choose("part", score.parts.map((part) =>
    element("option", part.lyric_notes ? part.name : `${part.name} (no words)`, { value: part.id, selected: part.sung })));
  showPart();
  show("score");
  const canSing = score.parts.some((part) => part.notes);
  show("song", canSing);
  say(`${at("title").textContent} was read.`);
  if (!canSing) showProblem("score-problem", { message: "There are no notes in this score.", hint: "Choose another one." });
}

function chosenPart() {
  return session.score.parts.find((part) => part.id === at("part").value) ?? session.score.parts[0];
}

function showPart() {
  const part = chosenPart();
  const verses = part?.verses ?? [];
  choose("verse", verses.length < 2 ? [] : [element("option", "as the score repeats", { value: "" }),
    ...verses.map((verse) => element("option", verse, { value: verse }))]);
  at("vocalise").parentElement.hidden = !part || part.lyric_notes > 0;
}

// ---- the voice ----------------------------------------------------------------------------------------------------

let voicebanks = [];

async function listVoices() {
  try {
    ({ voicebanks } = await (await ask("/voicebanks")).json());
  } catch (error) { // the service may just have started, and is looking for them
    if (!error.passes) return showProblem("score-problem", error);
    await rest(1000 * (error.retryAfter || 2));
    return listVoices();
  }
  const fitting = element("option", "whoever fits the range", { value: "" });
  const groups = voicebanks.filter((bank) => !bank.problem).map((bank) => {
    const group = element("optgroup", "", { label: bank.name });
    const speakers = bank.speakers.length ? bank.speakers : [""];
    group.append(...speakers.map((speaker) =>
      element("option", speaker || bank.name, { value: JSON.stringify([bank.id, speaker]) })));
    return group;
  });
  choose("voice", [fitting, ...groups]);
  showCredits();
}

function chosenVoice() {
  const [voicebank, speaker] = at("voice").value ? JSON.parse(at("voice").value) : [];
  return { voicebank, speaker: speaker || undefined };
}

function showCredits() {
  const { voicebank } = chosenVoice();
  const shown = voicebanks.filter((bank) => !bank.problem && (!voicebank || bank.id === voicebank));
  at("credits").replaceChildren(at("credits").firstElementChild, ...shown.map((bank) =>
    element("p", [bank.name, bank.licence && `Licence: ${bank.licence}`, bank.credits].filter(Boolean).join("\n"))));
  show("credits", shown.length > 0);
}

// ---- the song -----------------------------------------------------------------------------------------------------

let watching = null; // AbortController of the song that is shown
let asked = { wishes: "", key: "" }; // asking the same again after a lost answer does not sing it twice

async function sing() {
  at("sing").disabled = true;
  show("song-problem", false);
  const wishes = JSON.stringify(chosenWishes());
  if (asked.wishes !== wishes) asked = { wishes, key: Array.from(crypto.getRandomValues(new Uint32Array(4)), (n) => n.toString(16)).join("-") };
  try {
    const response = await ask(`/sessions/${session.id}/jobs`, {
      method: "POST",
      headers: { "Content-Type": "application/json", "Idempotency-Key": asked.key },
      body: wishes,
    });
    asked = { wishes: "", key: "" };
    watch(await response.json());
  } catch (error) {
    if (error.status > 0) asked = { wishes: "", key: "" };
    beginTake();
    show("work", false);
    showProblem("song-problem", error);
  } finally {
    at("sing").disabled = false;
  }
}

function chosenWishes() {
  const part = chosenPart();
  return {
    part: session.score.parts.length > 1 ? part.id : undefined,
    vocalise: part.lyric_notes ? undefined : at("vocalise").value.trim() || "la",
    verse: at("verse").value || undefined,
    format: at("format").value,
    ...chosenVoice(),
  };
}

function beginTake() {
  watching?.abort();
  for (const id of ["outcome", "result", "song-warnings", "song-problem"]) show(id, false);
  at("audio").removeAttribute("src");
  at("audio").load();
  show("take");
  show("work");
  at("cancel").textContent = "Stop";
}

/** Shows a job until it is finished, whatever happens to the connection meanwhile. */
async function watch(job) {
  beginTake();
  const path = `/sessions/${session.id}/jobs/${job.job_id}`;
  const controller = (watching = new AbortController());
  at("cancel").onclick = () => cancel(path);
  let etag = null;
  let failures = 0;
  showJob(job);
  while (!FINISHED.includes(job.status)) {
    const begun = performance.now();
    try {
      const response = await ask(`${path}?wait=${etag ? POLL_SECONDS : 0}`, {
        headers: etag ? { "If-None-Match": etag } : {}, signal: controller.signal });
      failures = 0;
      if (response.status !== 304) {
        job = await response.json();
        etag = response.headers.get("ETag");
      }
      if (controller.signal.aborted) return;
      showJob(job);
      if (performance.now() - begun < LEAST_PAUSE_MS) await rest(LEAST_PAUSE_MS);
    } catch (error) {
      if (controller.signal.aborted) return;
      if (!error.passes) return endWith(error);
      failures += 1;
      at("step").textContent = "Cantilena does not answer just now; the song goes on, and so does asking.";
      await rest(1000 * (error.retryAfter || Math.min(10, failures)));
      if (controller.signal.aborted) return;
    }
  }
}

function endWith(error) {
  show("work", false);
  say("");
  showProblem("song-problem", error);
}

async function cancel(path) {
  at("cancel").textContent = "Stopping …"; // and not disabled, which would take the focus away; twice does no harm
  try {
    await ask(`${path}/cancel`, { method: "POST" });
  } catch (error) {
    at("cancel").textContent = "Stop";
    showProblem("song-problem", error);
  }
}

function showJob(job) {
  // The step is the furthest begun, and the first phrase is finished while others are still to be sung.
  const begun = job.step === "postprocess" && job.message.startsWith("phrase ") ? "synthesize_audio" : job.step;
  const step = job.status === "queued" ? "Waiting for its turn" : (STEPS[begun] ?? "Beginning");
  if (!FINISHED.includes(job.status)) {
    at("step").textContent = job.message && job.status === "running" ? `${step}: ${job.message}` : step;
    at("progress").value = job.progress;
    if (at("said").textContent !== step) say(step);
    return;
  }
  const hadFocus = at("work").contains(document.activeElement);
  show("work", false);
  if (hadFocus) at("sing").focus(); // the button that was pressed is gone
  showWarnings("song-warnings", job.warnings ?? []);
  if (job.status === "succeeded") showResult(job);
  else if (job.status === "failed") endWith({ ...job.error });
  else showOutcome("Stopped.");
}

function showOutcome(text) {
  at("outcome").textContent = text;
  show("outcome");
  say(text);
}

function showResult(job) {
  const audio = (job.outputs ?? []).find((output) => output.kind === "audio");
  const title = at("title").textContent.replace(/[^\p{L}\p{N} ._-]+/gu, " ").trim() || "song";
  at("audio").src = job.audio_url;
  at("download").href = job.audio_url;
  at("download").download = `${title}.${audio?.format ?? "wav"}`;
  at("measured").textContent = [
    audio && `${audio.format.toUpperCase()}, ${(audio.bytes / 1e6).toFixed(1)} MB`,
    job.audio_seconds && clock(job.audio_seconds),
    job.timings_ms?.total && `sung in ${(job.timings_ms.total / 1000).toFixed(1)} s`,
  ].filter(Boolean).join(", ");
  show("result");
  say("The song is ready.");
}

// ---- from the beginning -------------------------------------------------------------------------------------------

/** After a reload: the session and its latest song, if the service still has them. */
async function resume() {
  const stored = JSON.parse(sessionStorage.getItem(STORED) ?? "null");
  if (!stored) return;
  try {
    const progress = await (await ask(`/sessions/${stored.id}/progress`)).json();
    session = stored;
    showScore();
    if (progress.status !== "idle") {
      watch(await (await ask(`/sessions/${session.id}/jobs/${progress.job_id}`)).json());
    }
  } catch (error) {
    if (error.status === 404) sessionStorage.removeItem(STORED);
    else showProblem("score-problem", error);
  }
}

async function putSample() {
  try {
    const sample = await (await ask("/page/sample.musicxml")).blob();
    await putScore(new File([sample], "little-boats.musicxml"));
  } catch (error) {
    showProblem("score-problem", error);
  }
}

at("file").addEventListener("change", ({ target }) => target.files.length && putScore(target.files[0]));
at("sample").addEventListener("click", putSample);
at("part").addEventListener("change", showPart);
at("voice").addEventListener("change", showCredits);
at("song").addEventListener("submit", (event) => {
  event.preventDefault();
  sing();
});
for (const name of ["dragover", "drop"]) window.addEventListener(name, (event) => event.preventDefault());
at("drop").addEventListener("dragover", () => at("drop").classList.add("over"));
at("drop").addEventListener("dragleave", () => at("drop").classList.remove("over"));
at("drop").addEventListener("drop", ({ dataTransfer }) => {
  at("drop").classList.remove("over");
  if (dataTransfer.files.length) putScore(dataTransfer.files[0]);
});

listVoices();
resume();
