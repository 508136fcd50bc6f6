// The faces as a list: a thumbnail, a number, on or off.

import { $ } from './form.js';
import { count } from './words.js';

const SIDE = 56; // CSS pixels of a thumbnail
const AROUND = 1.5; // times the face's box

export function list(workspace, toggle) {
  $('list').replaceChildren(...workspace.faces.map((face) => item(workspace, face, toggle)));
  describe(workspace);
}

function item(workspace, { face_id: id, bbox, confidence }, toggle) {
  const box = Object.assign(document.createElement('input'), { type: 'checkbox', checked: workspace.chosen.has(id) });
  box.dataset.face = id;
  box.addEventListener('change', () => toggle(id));
  const label = document.createElement('label');
  const name = Object.assign(document.createElement('span'), { className: 'who', textContent: `Face ${id + 1}` });
  const sure = Object.assign(document.createElement('span'), { className: 'sure', textContent: `${Math.round(confidence * 100)} % sure` });
  label.append(box, thumbnail(workspace, bbox), name, sure);
  const row = document.createElement('li');
  row.append(label);
  return row;
}

function thumbnail({ picture, width, height }, { x, y, width: w, height: h }) {
  const side = Math.max(w, h) * AROUND;
  const canvas = Object.assign(document.createElement('canvas'), { width: SIDE * 2, height: SIDE * 2 });
  canvas.setAttribute('aria-hidden', 'true');
  const [left, top] = [x + (w - side) / 2, y + (h - side) / 2];
  const scale = canvas.width / side;
  const context = canvas.getContext('2d');
  context.imageSmoothingQuality = 'high';
  const [sx, sy, ex, ey] = [Math.max(0, left), Math.max(0, top), Math.min(width, left + side), Math.min(height, top + side)];
  context.drawImage(picture, sx, sy, ex - sx, ey - sy, (sx - left) * scale, (sy - top) * scale, (ex - sx) * scale, (ey - sy) * scale);
  return canvas;
}

// Ticks as the workspace has them, without a new list: whoever is at one of them stays there.
export function describe(workspace) {
  const { faces, chosen } = workspace;
  for (const box of $('list').querySelectorAll('input')) box.checked = chosen.has(Number(box.dataset.face));
  $('none').hidden = faces.length > 0;
  $('none').textContent = workspace.picture ? 'No face found.' : 'No picture yet.';
  $('howmany').textContent = faces.length ? `${chosen.size} of ${faces.length} on` : '';
  for (const id of ['all', 'nobody']) $(id).disabled = !faces.length;
  $('all').disabled ||= chosen.size === faces.length;
  $('nobody').disabled ||= !chosen.size;
  $('canvas').setAttribute('aria-label', `Picture with ${count(faces.length, 'face')}, ${chosen.size} switched on`);
}
