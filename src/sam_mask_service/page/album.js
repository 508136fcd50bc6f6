// Several pictures: a strip to go from one to another, and one ZIP with the results of all.

import { ServiceError, Upload } from './api.js';
import { filesOf } from './export.js';
import { $, asks, task } from './form.js';
import { open } from './open.js';
import { count, errorText } from './words.js';
import { zip } from './zip.js';

const SIDE = 64;

export class Album {
  // choose(item): that one is to be shown.
  constructor(choose) {
    Object.assign(this, { choose, items: [], current: null });
  }

  // ``sources``: [{ name, file | url }].
  put(sources, add = false) {
    const made = sources.map((source) => ({ source, own: null, problem: '' }));
    this.items = add ? [...this.items, ...made] : made;
    return made;
  }

  show(current = this.current) {
    this.current = current;
    $('strip').hidden = this.items.length < 2;
    $('zip').hidden = this.items.length < 2;
    $('zip').textContent = `All ${this.items.length} as ZIP`;
    $('pictures').replaceChildren(...this.items.map((item) => this.button(item)));
  }

  button(item) {
    const button = Object.assign(document.createElement('button'), { type: 'button', title: item.problem || item.source.name });
    button.setAttribute('aria-label', item.source.name + (item.problem ? `: ${item.problem}` : ''));
    if (item === this.current) button.setAttribute('aria-current', 'true');
    button.classList.toggle('bad', Boolean(item.problem));
    button.append((item.thumb ||= thumbnail(item.source)));
    button.addEventListener('click', () => { if (item !== this.current) this.choose(item); });
    const row = document.createElement('li');
    row.append(button);
    return row;
  }
}

function thumbnail({ file, name }) {
  const canvas = Object.assign(document.createElement('canvas'), { width: SIDE * 2, height: SIDE * 2 });
  const context = canvas.getContext('2d');
  Object.assign(context, { fillStyle: '#7a8694', font: '600 26px system-ui, sans-serif', textAlign: 'center', textBaseline: 'middle' });
  context.fillText((name.match(/\.(\w{1,5})$/)?.[1] || '?').toUpperCase(), SIDE, SIDE); // until it can be shown, or if it cannot
  if (file) createImageBitmap(file).then((bitmap) => {
    const side = Math.min(bitmap.width, bitmap.height);
    context.drawImage(bitmap, (bitmap.width - side) / 2, (bitmap.height - side) / 2, side, side, 0, 0, canvas.width, canvas.height);
    bitmap.close();
  }, () => {});
  return canvas;
}

// The results of all pictures as { blob, problems: [text] }. ``told(n)`` before each; ``signal`` ends it.
export async function packed(items, { row, harder, told, signal }) {
  const files = [];
  const problems = [];
  for (const [index, item] of items.entries()) {
    signal.throwIfAborted();
    told(index + 1);
    try {
      files.push(...(await one(item, row, harder)));
    } catch (error) {
      if (!(error instanceof ServiceError) || ['key_missing', 'key_wrong', 'unreachable'].includes(error.code)) throw error;
      problems.push(`${item.source.name}: ${error.message}`);
    }
  }
  if (!files.length) throw new ServiceError(`None of the ${count(items.length, 'picture')} gave a result. ${problems[0] || ''}`, 'nothing', 0);
  return { blob: await zip(files), problems };
}

// What was not touched, and what was only chosen from, needs no upload of its own: one request gives the result.
async function one(item, row, harder) {
  const { source, own, found } = item;
  const touched = own && (own.points.length || own.box || own.strokes.length);
  const { session, faces, bitmap } = touched ? await open(source, harder) : unopened(source, harder, found);
  try {
    const chosen = new Set(own?.chosen || []);
    const subject = { faces, points: [], box: null, strokes: [], ...own, chosen, everything: !own || chosen.size === faces.length };
    if (task() !== 'anonymize' && !asks(subject) && !subject.strokes.length) throw new ServiceError(errorText('all_off'), 'all_off', 0);
    return (await filesOf(session, subject, { row, picture: bitmap })).files;
  } finally {
    session.close();
    bitmap?.close();
  }
}

function unopened(source, harder, faces = []) {
  return { session: Object.assign(new Upload(source, harder), { kept: false }), faces, bitmap: null };
}
