// Taking the result home: files, and the request as a curl command.

import { key } from './api.js';
import { command } from './curl.js';
import { $, TASKS, task } from './values.js';

const ENDINGS = { 'image/jpeg': 'jpg', 'image/webp': 'webp', 'image/png': 'png' };

function save(blob, name) {
  const link = Object.assign(document.createElement('a'), { href: URL.createObjectURL(blob), download: `${name}.${ENDINGS[blob.type] || 'png'}` });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}

const fromBase64 = (text, kind) => new Blob([Uint8Array.from(atob(text), (c) => c.charCodeAt(0))], { type: `image/${kind}` });

// Saves what the page shows, as the tool ``row`` takes it. Answers with a sentence about it.
export async function take(session, stage, row) {
  const { values, file } = TASKS[task()];
  if (task() !== 'mask') {
    if (!stage.blob) return 'There is nothing to save yet.';
    save(stage.blob, file);
    return 'Saved.';
  }
  if (!row) {
    save(await (await session.mask(values(stage), 'image/png')).blob(), file);
    return 'Saved.';
  }
  const answer = await (await session.mask(values(stage), 'application/json')).json();
  save(fromBase64(answer.mask_base64, 'png'), `mask-${row.name}`);
  if (row.one_file) return 'Saved: picture and mask in one file.';
  if (!answer.image_base64) return 'Saved. It goes with your own file of the picture.';
  save(fromBase64(answer.image_base64, answer.image_format || 'png'), `image-${row.name}`);
  return 'Two files: the mask, and the picture made to fit.';
}

export function showCommand(session, stage) {
  const { path, values, file } = TASKS[task()];
  const whole = task() === 'mask' && $('target').value; // the answer holds more than one file
  $('command').value = command({
    origin: location.origin, path, values: values(stage), file: session.file.name || 'picture.jpg', withKey: Boolean(key()),
    accept: whole ? 'application/json' : task() === 'anonymize' ? 'image/*' : 'image/png',
    output: whole ? 'answer.json' : task() === 'anonymize' ? `${file}.${ENDINGS[session.file.type] || 'png'}` : `${file}.png`,
  });
  $('copied').textContent = '';
  $('dialog').showModal();
  $('command').select();
}

export async function copy() {
  try {
    await navigator.clipboard.writeText($('command').value);
  } catch {
    $('command').select();
    document.execCommand('copy'); // there is no clipboard API without https; this still works there
  }
  $('copied').textContent = 'Copied.';
}
