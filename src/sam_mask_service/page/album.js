// Several pictures: a strip to go from one to another, and one ZIP with the results of all.

import { ServiceError, Session } from './api.js';
import { filesOf } from './home.js';
import { open } from './open.js';
import { $, asks } from './values.js';
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
    button.append((item.thumb ||= thumbnail(item.source.file)));
    button.addEventListener('click', () => { if (item !== this.current) this.choose(item); });
    const row = document.createElement('li');
    row.append(button);
    return row;
  }
}

function thumbnail(file) {
  const canvas = Object.assign(document.createElement('canvas'), { width: SIDE * 2, height: SIDE * 2 });
  if (file) createImageBitmap(file).then((bitmap) => {
    const side = Math.min(bitmap.width, bitmap.height);
    canvas.getContext('2d').drawImage(bitmap, (bitmap.width - side) / 2, (bitmap.height - side) / 2, side, side, 0, 0, canvas.width, canvas.height);
    bitmap.close();
  }, () => {}); // the browser cannot show it; its name stands beside it
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

// A picture that was painted on needs its pixels here as well.
async function opened(source, harder, painted) {
  if (painted) return open(source, harder);
  const session = new Session(source, harder);
  return { session, faces: await session.open(), bitmap: null };
}

async function one({ source, own }, row, harder) {
  const { session, faces, bitmap } = await opened(source, harder, own?.strokes.length);
  try {
    const subject = { faces, points: [], box: null, strokes: [], ...own };
    const there = faces.map((face) => face.face_id);
    subject.chosen = new Set(own ? own.chosen.filter((id) => there.includes(id)) : there);
    if (!asks(subject) && !subject.strokes.length) throw new ServiceError(errorText(faces.length ? 'all_off' : 'no_face'), 'no_face', 422);
    return (await filesOf(session, subject, { row, picture: bitmap })).files;
  } finally {
    session.close();
    bitmap?.close();
  }
}
