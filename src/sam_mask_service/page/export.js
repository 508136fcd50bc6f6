// Exporting results: the files that a picture gives, named after it.

import { ServiceError } from './api.js';
import { TASKS, asks, background, task } from './form.js';
import { blankMask, retouchCut, retouchMask } from './retouch.js';

const ENDINGS = { 'image/jpeg': 'jpg', 'image/webp': 'webp', 'image/png': 'png', 'application/zip': 'zip' };
export const ending = (type) => ENDINGS[type] || 'png';
export const stem = (name) => (name.split(/[\\/]/).pop().replace(/\.[A-Za-z0-9]{1,5}$/, '').replace(/[\u0000-\u001f<>:"|?*]/g, '_') || 'picture');

export function save(blob, name) {
  const link = Object.assign(document.createElement('a'), { href: URL.createObjectURL(blob), download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}

const fromBase64 = (text, kind) => new Blob([Uint8Array.from(atob(text), (c) => c.charCodeAt(0))], { type: `image/${kind}` });
const named = (session, what, blob) => ({ name: `${stem(session.name)}-${what}.${ending(blob.type)}`, blob });
const NOTHING = () => new ServiceError('Nothing is switched on: tick a face, draw a box, or paint.', 'nothing', 0);

// { files: [{ name, blob }], said }. ``row``: the tool that a mask is for, or undefined. ``ready``: the result that is shown already.
export async function filesOf(session, subject, { row, ready, picture }) {
  if (task() !== 'mask') {
    const blob = ready || (await result(session, subject, picture)).blob;
    return { files: [named(session, TASKS[task()].file, blob)], said: 'Saved.' };
  }
  return row ? fitted(session, subject, row) : plain(session, subject);
}

async function plain(session, subject) {
  const values = TASKS.mask.values(subject);
  const face = values.invert ? 0 : 255;
  const { strokes } = subject;
  if (!asks(subject)) {
    if (!strokes.length) throw NOTHING();
    return { files: [named(session, 'mask', await blankMask(session.width, session.height, strokes, face))], said: 'Saved.' };
  }
  const blob = await (await session.mask(values, 'image/png')).blob();
  return { files: [named(session, 'mask', strokes.length ? await retouchMask(blob, strokes, { face }) : blob)], said: 'Saved.' };
}

// The mask as a tool takes it, and the picture that fits it.
async function fitted(session, subject, row) {
  if (!asks(subject)) throw NOTHING();
  const values = TASKS.mask.values(subject);
  const answer = await (await session.mask(values, 'application/json')).json();
  let mask = fromBase64(answer.mask_base64, 'png');
  const face = (row.change === 'white') === (values.edit === 'everything_else') ? 0 : 255;
  if (subject.strokes.length) mask = await retouchMask(mask, subject.strokes, { face, transform: answer.transform, hard: !row.soft });
  const files = [named(session, `mask-${row.name}`, mask)];
  if (row.one_file) return { files, said: 'Saved: picture and mask in one file.' };
  if (!answer.image_base64) return { files, said: 'Saved. It goes with your own file of the picture.' };
  files.push(named(session, `image-${row.name}`, fromBase64(answer.image_base64, answer.image_format || 'png')));
  return { files, said: 'Two files: the mask, and the picture made to fit.' };
}

// An anonymised picture or a cut-out: { raw, blob, frame, response }.
export async function result(session, subject, picture, signal) {
  const { path, values } = TASKS[task()];
  if (task() === 'cutout' && !asks(subject)) throw NOTHING();
  const response = await session.picture(path, values(subject), signal);
  const raw = await response.blob();
  const frame = (response.headers.get('X-Frame') || '').split(',').map(Number);
  const made = { raw, frame: frame.length === 4 ? frame : null, response };
  return { ...made, blob: await painted(made, subject, picture) };
}

export async function painted({ raw, frame }, { strokes }, picture) {
  if (task() !== 'cutout' || !strokes.length || !frame) return raw;
  const text = background();
  const colour = text === 'transparent' ? null : [1, 3, 5].map((at) => parseInt(text.slice(at, at + 2), 16));
  return retouchCut(raw, strokes, { frame, picture, background: colour });
}
