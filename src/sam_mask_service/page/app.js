// Wires the page: state in one object, every change leads to one request, the newest always wins.

import { Album } from './album.js';
import { ServiceError, key, setKey, targets } from './api.js';
import * as apipage from './apipage.js';
import { Asking } from './asking.js';
import * as downloads from './downloads.js';
import { ask as askEngine } from './engine.js';
import { describe as tick, list } from './faces.js';
import { $, TASKS, number, task } from './form.js';
import { History } from './history.js';
import * as inputs from './inputs.js';
import * as keys from './keys.js';
import { open } from './open.js';
import * as snapshot from './snapshot.js';
import { busy, calm, fail, needsKey, say, sync } from './state.js';
import { Tools } from './tools.js';
import { count } from './words.js';
import { Workspace } from './workspace.js';

const workspace = new Workspace($('canvas'));
const rows = {}; // targets by name
const row = () => rows[$('target').value];
const shapes = {}; // the sliders' places, by task
const history = new History(snapshot.same);
const asking = new Asking(workspace, { say, busy, fail, calm });
const album = new Album((item) => show(item));
const tools = new Tools(workspace, { toggle, changed: () => commit(asking), painted, split: (percent) => split(percent) });
let turn = 0; // counts the pictures that were brought: the newest wins
let waiting = null; // what waits for the key

// --- the picture ------------------------------------------------------------------------------------------------------------

// ``sources``: [{ name, file | url }]. What is on the workspace stays there until the next picture can take its place.
async function take(sources, add) {
  waiting = null;
  const next = new Album(album.choose);
  next.items = album.items;
  const asked = turn;
  for (const [tried, item] of next.put(sources, add).entries()) {
    if (turn !== asked + tried || waiting) return; // others were brought meanwhile, or a key is missing
    if (await show(item, () => take(sources, add))) {
      album.items = next.items;
      break;
    }
  }
  album.show();
}

// ``again``: what to do once the key is there.
async function show(item, again = () => show(item)) {
  turn += 1;
  const mine = turn;
  const shown = key();
  calm();
  waiting = null;
  say('Looking for faces…');
  busy(true);
  try {
    const found = await open(item.source, $('harder').checked);
    if (mine === turn) begin(item, found);
    else found.session.close();
    return mine === turn;
  } catch (error) {
    if (mine !== turn) return false;
    if (needsKey(error) && key() !== shown) {
      again(); // another key was given while this one was refused
      return false;
    }
    say(asking.session ? 'The picture before is still here.' : 'Choose a picture to begin.');
    if (needsKey(error)) waiting = again;
    item.problem = error.message;
    fail(error);
    return false;
  } finally {
    busy(false);
  }
}

function begin(item, { session, faces, bitmap }) {
  if (album.current && album.current !== item) album.current.own = snapshot.own(workspace);
  asking.session?.close();
  asking.begin(session);
  workspace.put(bitmap, faces);
  if (item.own && item.found?.length === faces.length) snapshot.putOwn(item.own, workspace);
  Object.assign(item, { problem: '', found: faces });
  const lost = $('drop').contains(document.activeElement); // what had the focus goes away
  $('drop').hidden = true;
  $('work').hidden = false;
  if (lost) $('canvas').focus({ preventScroll: true });
  for (const id of ['download', 'curl', 'other']) $(id).disabled = false;
  workspace.resize();
  list(workspace, toggle);
  const more = session.seen > faces.length ? ` of ${session.seen} that were seen: the largest` : '';
  say(faces.length ? `${count(faces.length, 'face')} found${more}.` : 'No face found in this picture.');
  history.begin(snapshot.take(workspace));
  album.show(item);
  settle();
  if (faces.length || workspace.strokes.length) asking.refresh();
  else fail(new ServiceError('', 'no_face', 422));
}

// --- what the user asked for ---------------------------------------------------------------------

// Something was changed for good: a step that undo goes back to. ``ask``: what it needs anew.
function commit(ask) {
  history.push(snapshot.take(workspace));
  settle();
  ask?.refresh();
}

function toggle(id) {
  if (!workspace.faces.some((face) => face.face_id === id)) return;
  workspace.chosen = new Set(workspace.chosen);
  if (!workspace.chosen.delete(id)) workspace.chosen.add(id);
  commit(asking);
}

function choose(ids) {
  workspace.chosen = new Set(ids);
  commit(asking);
}

function painted() {
  commit(null);
  if (workspace.result) asking.repaint();
}

function goTo(state) {
  if (!state) return;
  const before = task();
  snapshot.put(state, workspace);
  if (before !== task()) leaveResult();
  keepShape();
  workspace.shape.again(workspace.strokes);
  settle();
  asking.refresh();
}

// Makes everything on the page say what the controls and the workspace hold.
function settle() {
  sync(workspace, row());
  tick(workspace);
  tools.show();
  $('undo').disabled = !history.canUndo;
  $('redo').disabled = !history.canRedo;
  const { points: { length }, box, strokes } = workspace;
  const made = [length && count(length, 'point'), box && 'a box in place of the faces', strokes.length && count(strokes.length, 'stroke')].filter(Boolean);
  $('clear').disabled = !made.length;
  $('points').textContent = made.length ? `${made.join(', ')}.` : 'None.';
  workspace.draw();
}

function changeTask() {
  const { shape } = TASKS[task()];
  for (const [id, value] of Object.entries(shape || {})) $(id).value = shapes[task()]?.[id] ?? value;
  leaveResult();
  commit(asking);
}

function leaveResult() {
  Object.assign(workspace, { result: null, blob: null });
  workspace.resize();
}

function keepShape() {
  shapes[task()] = Object.fromEntries(['expand', 'smooth', 'feather'].map((id) => [id, $(id).value]));
}

function split(percent) {
  workspace.split = percent;
  $('split').value = percent;
  workspace.draw();
}

// --- start ------------------------------------------------------------------------------------------------------------------

const on = (ids, kind, act) => ids.forEach((id) => $(id).addEventListener(kind, act));

function listen() {
  on(['expand', 'smooth', 'feather', 'strength', 'padding'], 'input', (event) => {
    if (event.target === $('padding')) $('padding').dataset.moved = 'yes';
    keepShape();
    sync(workspace, row());
    asking.refresh();
  });
  on(['expand', 'smooth', 'feather', 'strength', 'padding'], 'change', () => commit(null));
  on(['region', 'without', 'matte', 'method', 'background', 'aspect', 'colour'], 'change', () => commit(asking));
  on(['target', 'edit', 'invert'], 'change', () => commit(null));
  on(['view', 'opacity'], 'input', settle);
  for (const radio of document.querySelectorAll('input[name=task]')) radio.addEventListener('change', changeTask);
  on(['split'], 'input', () => split(number('split')));
  on(['harder'], 'change', () => { if (album.current) show(Object.assign(album.current, { own: null, found: null })); });
  on(['all'], 'click', () => choose(workspace.faces.map((face) => face.face_id)));
  on(['nobody'], 'click', () => choose([]));
  on(['clear'], 'click', () => {
    Object.assign(workspace, { points: [], box: null, strokes: [] });
    workspace.shape.again([]);
    commit(asking);
  });
  on(['nohide'], 'click', () => { workspace.hide = []; commit(asking); });
  on(['key'], 'change', newKey);
  $('panel').addEventListener('submit', (event) => event.preventDefault());
  keys.listen(workspace, tools, { undo: () => goTo(history.undo()), redo: () => goTo(history.redo()) });
}

function newKey() {
  setKey($('key').value.trim());
  calm();
  askEngine(settle);
  if (waiting) waiting();
  else asking.refresh();
}

async function fillTargets() {
  for (const one of await targets()) {
    rows[one.name] = one;
    $('target').append(new Option(one.consumer, one.name));
  }
}

$('key').value = key();
listen();
inputs.listen(take, fail);
apipage.listen(fail);
downloads.listen({ asking, workspace, album, row });
settle();
askEngine(() => commit(asking));
fillTargets().catch(fail);
