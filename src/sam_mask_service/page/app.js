// Wires the page: state in one object, every change leads to one request, the newest always wins.

import { ServiceError, Session, key, setKey, targets } from './api.js';
import { copy, showCommand, take as takeHome } from './home.js';
import { Stage } from './stage.js';
import { $, TASKS, maskValues, number, task, units } from './values.js';

const stage = new Stage($('canvas'));
let session = null;
let rows = {}; // targets by name
let running = null; // the request in flight
let again = false; // something changed since it began
const shapes = {}; // the sliders' places, by task

const tool = () => document.querySelector('input[name=tool]:checked').value;

function say(text) { $('state').textContent = text; }

function fail(error) {
  const known = error instanceof ServiceError;
  if (!known) console.error(error);
  $('error').textContent = known ? error.message : 'Something went wrong in this page.';
  $('error').hidden = false;
  if (known && (error.status === 401 || error.code === 'key_wrong')) {
    $('access').open = true;
    $('key').focus();
  }
}

function calm() { $('error').hidden = true; }

// --- the picture ------------------------------------------------------------------------------------------------------------

async function take(file) {
  if (!file) return;
  calm();
  session?.close();
  running?.abort();
  say('Looking for faces…');
  try {
    const next = new Session(file);
    const [, faces] = await Promise.all([shown(file), next.open()]);
    session = next;
    stage.faces = faces;
    stage.chosen = new Set(faces.map((face) => face.face_id));
    show(true);
    list();
    say(faces.length ? `${faces.length} ${faces.length === 1 ? 'face' : 'faces'} found.` : 'No face found in this picture.');
    stage.draw();
    if (!faces.length) throw new ServiceError('No face was found in this picture. Points and another picture may help.', 'no_face', 422);
    refresh();
  } catch (error) {
    if (!session) say('Choose a picture to begin.');
    fail(error);
  }
}

function shown(file) {
  return stage.load(file).catch(() => {
    throw new ServiceError('The browser cannot show this file as a picture.', 'not_shown', 0);
  });
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
  if (!stage.chosen.size) {
    stage.overlay = false;
    stage.draw();
    return say('All faces are switched off.');
  }
  const start = performance.now();
  const response = await mine.mask({ ...maskValues(stage), invert: false }, 'image/png', signal);
  const share = await stage.setMask(await response.blob());
  const spent = Math.round(performance.now() - start);
  document.body.dataset.milliseconds = spent;
  say(`Mask of ${stage.chosen.size} ${stage.chosen.size === 1 ? 'face' : 'faces'}: ${(share * 100).toFixed(1)} % of the picture, ${spent} ms.`);
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
  say(left === null ? 'Done.' : `Done. A second look found ${left} ${left === '1' ? 'face' : 'faces'} left.`);
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

// --- points -----------------------------------------------------------------------------------------------------------------

function act(at) {
  if (task() !== 'mask' || tool() === 'pick') {
    const id = stage.faceAt(at);
    if (id !== null) toggle(id);
    return;
  }
  stage.points.push([...at, tool() === 'add' ? 1 : 0]);
  pointsChanged();
}

function pointsChanged() {
  const count = stage.points.length;
  for (const id of ['undo', 'clear']) $(id).disabled = !count;
  $('points').textContent = count ? `${count} ${count === 1 ? 'point' : 'points'}.` : 'No points.';
  stage.draw();
  refresh();
}

function setTool(value) {
  document.querySelector(`input[name=tool][value=${value}]`).checked = true;
  $('canvas').classList.toggle('point', value !== 'pick');
}

const STEPS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

function keys(event) {
  if (event.ctrlKey || event.metaKey || event.altKey || !stage.picture) return;
  if (STEPS[event.key]) {
    const step = Math.max(1, Math.round(Math.max(stage.width, stage.height) / (event.shiftKey ? 20 : 100)));
    const [x, y] = stage.cross || [stage.width >> 1, stage.height >> 1];
    const [dx, dy] = STEPS[event.key];
    stage.cross = [Math.min(stage.width - 1, Math.max(0, x + dx * step)), Math.min(stage.height - 1, Math.max(0, y + dy * step))];
    stage.draw();
  } else if ((event.key === 'Enter' || event.key === ' ') && stage.cross) act(stage.cross);
  else if (/^[1-9]$/.test(event.key)) toggle(Number(event.key) - 1);
  else if (event.key === '+') setTool('add');
  else if (event.key === '-') setTool('remove');
  else if (event.key === 'z' && stage.points.length) { stage.points.pop(); pointsChanged(); }
  else if (event.key === 'Escape') { setTool('pick'); stage.cross = null; stage.draw(); }
  else return;
  event.preventDefault();
}

// --- start ------------------------------------------------------------------------------------------------------------------

function describe() {
  const row = rows[$('target').value];
  $('invert').parentElement.hidden = Boolean(row);
  const plain = `Plain PNG: face ${$('invert').checked ? 'black, rest white' : 'white, rest black'}.`;
  $('polarity').textContent = row ? `${row.consumer}: ${row.polarity[$('edit').value]}.` : plain;
}

async function fillTargets() {
  for (const row of await targets()) {
    rows[row.name] = row;
    $('target').append(new Option(row.consumer, row.name));
  }
}

function listen() {
  for (const id of ['file', 'camera']) $(id).addEventListener('change', () => { take($(id).files[0]); });
  for (const id of ['expand', 'smooth', 'feather', 'strength']) $(id).addEventListener('input', () => { units(); keepShape(); refresh(); });
  for (const id of ['region', 'method', 'background', 'aspect', 'colour']) $(id).addEventListener('change', () => {
    $('colourfield').hidden = $('background').value !== 'colour';
    refresh();
  });
  $('padding').addEventListener('input', () => { $('padding').dataset.moved = 'yes'; units(); refresh(); });
  for (const id of ['target', 'edit', 'invert']) $(id).addEventListener('change', describe);
  for (const radio of document.querySelectorAll('input[name=task]')) radio.addEventListener('change', changeTask);
  for (const radio of document.querySelectorAll('input[name=tool]')) radio.addEventListener('change', () => setTool(tool()));
  $('canvas').addEventListener('click', (event) => { if (!stage.result) act(stage.at(event)); });
  $('canvas').addEventListener('keydown', keys);
  $('split').addEventListener('input', () => { stage.split = number('split'); stage.draw(); });
  $('undo').addEventListener('click', () => { stage.points.pop(); pointsChanged(); });
  $('clear').addEventListener('click', () => { stage.points = []; pointsChanged(); });
  $('download').addEventListener('click', () => { calm(); takeHome(session, stage).then(say, fail); });
  $('curl').addEventListener('click', () => showCommand(session, stage));
  $('copy').addEventListener('click', copy);
  $('close').addEventListener('click', () => $('dialog').close());
  $('other').addEventListener('click', () => $('file').click());
  $('key').addEventListener('change', () => { setKey($('key').value.trim()); calm(); });
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
