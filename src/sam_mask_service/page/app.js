// Wires the page: state in one object, every change leads to one request, the newest always wins.

import { ServiceError, Session, key, setKey, targets } from './api.js';
import { Hand } from './hand.js';
import { copy, showCommand, take as takeHome } from './home.js';
import { Stage } from './stage.js';
import { $, TASKS, maskValues, number, region, task, units } from './values.js';

const stage = new Stage($('canvas'));
let session = null;
let rows = {}; // targets by name
let running = null; // the request in flight
let again = false; // something changed since it began
let turn = 0; // counts the pictures that were brought: the newest wins
let waiting = null; // a picture that the service takes only with a key
const shapes = {}; // the sliders' places, by task
const hand = new Hand(stage, { corrects: () => task() === 'mask', toggle, changed: refresh });


function say(text) { $('state').textContent = text; }

function fail(error) {
  const known = error instanceof ServiceError;
  if (!known) console.error(error);
  $('error').textContent = known ? error.message : 'Something went wrong in this page.';
  $('error').hidden = false;
  if (needsKey(error)) {
    $('access').open = true;
    $('key').focus();
  }
}

function needsKey(error) { return error.code === 'key_missing' || error.code === 'key_wrong'; }

function calm() { $('error').hidden = true; }

// --- the picture ------------------------------------------------------------------------------------------------------------

// What is on the stage stays there until the next picture can take its place.
async function take(file) {
  if (!file) return;
  turn += 1;
  const mine = turn;
  const next = new Session(file);
  calm();
  waiting = null;
  say('Looking for faces…');
  const opening = next.open();
  try {
    const [bitmap, faces] = await Promise.all([shown(file), opening]);
    if (mine === turn) begin(next, bitmap, faces);
    else next.close();
  } catch (error) {
    opening.then(() => next.close(), () => {}); // it may still be on its way
    if (mine !== turn) return;
    say(session ? 'The picture before is still here.' : 'Choose a picture to begin.');
    if (needsKey(error)) waiting = file;
    fail(error);
  }
}

function shown(file) {
  return createImageBitmap(file).catch(() => { // upright: EXIF orientation is applied
    throw new ServiceError('The browser cannot show this file as a picture. JPEG, PNG and WebP always work.', 'not_shown', 0);
  });
}

function begin(next, bitmap, faces) {
  session?.close();
  running?.abort();
  session = next;
  stage.put(bitmap, faces);
  show(true);
  list();
  say(faces.length ? `${faces.length} ${faces.length === 1 ? 'face' : 'faces'} found.` : 'No face found in this picture.');
  hand.show();
  if (faces.length) refresh();
  else fail(new ServiceError('No face was found in this picture. Draw a box around what you want, or choose another picture.', 'no_face', 422));
}

function show(there) {
  $('drop').hidden = there;
  for (const id of ['board', 'keys']) $(id).hidden = !there;
  for (const id of ['download', 'curl', 'other']) $(id).disabled = !there;
}

function list() {
  $('list').replaceChildren(...stage.faces.map(({ face_id: id, confidence }) => {
    const box = Object.assign(document.createElement('input'), { type: 'checkbox', checked: stage.chosen.has(id) });
    box.addEventListener('change', () => toggle(id));
    const label = document.createElement('label');
    label.append(box, `Face ${id + 1}, ${Math.round(confidence * 100)} % sure`);
    const item = document.createElement('li');
    item.append(label);
    return item;
  }));
  $('none').hidden = stage.faces.length > 0;
  $('none').textContent = 'No face found.';
  $('canvas').setAttribute('aria-label', `Picture with ${stage.faces.length} faces, ${stage.chosen.size} switched on`);
}

function toggle(id) {
  if (!stage.faces.some((face) => face.face_id === id)) return;
  if (!stage.chosen.delete(id)) stage.chosen.add(id);
  list();
  stage.draw();
  refresh();
}

// --- asking -----------------------------------------------------------------------------------------------------------------

// Requests never queue up: while one is under way, only the newest wish is remembered.
async function refresh() {
  if (!session) return;
  if (running) { again = true; return; }
  running = new AbortController();
  const mine = session;
  try {
    await (task() === 'mask' ? preview(mine, running.signal) : result(mine, running.signal));
    calm();
  } catch (error) {
    if (error.name !== 'AbortError') fail(error);
  } finally {
    running = null;
    if (again) { again = false; refresh(); }
  }
}

async function preview(mine, signal) {
  if (!stage.chosen.size && !stage.box && (stage.faces.length || !stage.points.length)) {
    stage.overlay = false;
    stage.draw();
    return say('All faces are switched off.');
  }
  const start = performance.now();
  const response = await mine.mask({ ...maskValues(stage), invert: false }, 'image/png', signal);
  const share = await stage.setMask(await response.blob());
  const spent = Math.round(performance.now() - start);
  document.body.dataset.milliseconds = spent;
  say(`Mask of ${subject()}: ${(share * 100).toFixed(1)} % of the picture, ${spent} ms${by(response)}.`);
}

function subject() {
  if (stage.box) return 'what is in the box';
  const count = stage.chosen.size;
  return count ? `${count} ${count === 1 ? 'face' : 'faces'}` : 'what is at the points';
}

// Which engine drew it, and what it warns of.
function by(response) {
  const { engine, faces = [] } = JSON.parse(response.headers.get('X-Mask-Stats') || '{}');
  const warnings = new Set(faces.flatMap((face) => face.warnings).map((text) => text.replaceAll('_', ' ')));
  return (engine ? `, by ${engine}` : '') + (warnings.size ? ` (${[...warnings].join(', ')})` : '');
}

async function result(mine, signal) {
  if (task() === 'cutout' && !stage.chosen.size) {
    await stage.setResult(null);
    return say('All faces are switched off.');
  }
  say('Working…');
  const { path, values } = TASKS[task()];
  const response = await mine.picture(path, values(stage), signal);
  stage.blob = await response.blob();
  const frame = (response.headers.get('X-Frame') || '').split(',').map(Number);
  await stage.setResult(stage.blob, frame.length === 4 ? frame : null);
  const left = response.headers.get('X-Residual-Faces');
  const faces = { 0: 'no face', 1: '1 face' }[left] || `${left} faces`;
  const kept = stage.chosen.size < stage.faces.length ? ', besides those that are switched off' : '';
  say(left === null ? 'Done.' : `Done. A second look found ${faces} left${kept}.`);
}

function changeTask() {
  const { shape } = TASKS[task()];
  for (const [id, value] of Object.entries(shape || {})) $(id).value = shapes[task()]?.[id] ?? value;
  units();
  for (const part of document.querySelectorAll('[data-task]')) part.hidden = !part.dataset.task.split(' ').includes(task());
  $('compare').hidden = task() === 'mask';
  $('board').classList.toggle('checked', task() === 'cutout');
  stage.result = null;
  stage.blob = null;
  stage.draw();
  refresh();
}

function keepShape() {
  shapes[task()] = Object.fromEntries(['expand', 'smooth', 'feather'].map((id) => [id, $(id).value]));
}

// --- start ------------------------------------------------------------------------------------------------------------------

function describe() {
  const row = rows[$('target').value];
  $('invert').parentElement.hidden = Boolean(row);
  $('editfield').hidden = !row;
  const plain = `Plain PNG: face ${$('invert').checked ? 'black, rest white' : 'white, rest black'}.`;
  const hard = row && !row.soft ? ' Two values only: the feather is left out.' : '';
  $('polarity').textContent = row ? `${row.consumer}: ${row.polarity[$('edit').value]}.${hard}` : plain;
}

async function fillTargets() {
  for (const row of await targets()) {
    rows[row.name] = row;
    $('target').append(new Option(row.consumer, row.name));
  }
}

function listen() {
  for (const id of ['file', 'camera']) $(id).addEventListener('change', () => {
    take($(id).files[0]);
    $(id).value = ''; // the same file may be chosen again
  });
  for (const id of ['expand', 'smooth', 'feather', 'strength']) $(id).addEventListener('input', () => { units(); keepShape(); refresh(); });
  for (const id of ['region', 'matte', 'method', 'background', 'aspect', 'colour']) $(id).addEventListener('change', () => {
    $('colourfield').hidden = $('background').value !== 'colour';
    refresh();
  });
  // A browser lists only the choices that fit what stands there: it makes room while somebody chooses.
  $('region').addEventListener('focus', () => { $('region').placeholder = region(); $('region').value = ''; });
  $('region').addEventListener('blur', () => { $('region').value = region(); });
  $('padding').addEventListener('input', () => { $('padding').dataset.moved = 'yes'; units(); refresh(); });
  for (const id of ['target', 'edit', 'invert']) $(id).addEventListener('change', describe);
  for (const radio of document.querySelectorAll('input[name=task]')) radio.addEventListener('change', changeTask);
  $('split').addEventListener('input', () => { stage.split = number('split'); stage.draw(); });
  $('download').addEventListener('click', () => { calm(); takeHome(session, stage, rows[$('target').value]).then(say, fail); });
  $('curl').addEventListener('click', () => showCommand(session, stage));
  $('copy').addEventListener('click', copy);
  $('close').addEventListener('click', () => $('dialog').close());
  $('other').addEventListener('click', () => $('file').click());
  $('key').addEventListener('change', () => {
    setKey($('key').value.trim());
    calm();
    if (waiting) take(waiting);
    else refresh();
  });
  $('panel').addEventListener('submit', (event) => event.preventDefault());
  document.addEventListener('paste', (event) => take([...(event.clipboardData?.files || [])].find((f) => f.type.startsWith('image/'))));
  const drag = (event, on) => { event.preventDefault(); document.body.classList.toggle('dragging', on); };
  document.addEventListener('dragover', (event) => drag(event, true));
  document.addEventListener('dragleave', (event) => drag(event, false));
  document.addEventListener('drop', (event) => { drag(event, false); take(event.dataTransfer.files[0]); });
  addEventListener('resize', () => stage.draw());
}

$('key').value = key();
listen();
units();
describe();
fillTargets().catch(fail);
