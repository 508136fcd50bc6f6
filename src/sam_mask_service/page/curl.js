// The request that the page makes, as a command for a POSIX shell.

import { address, key } from './api.js';
import { ending, stem } from './export.js';
import { $, TASKS, task } from './form.js';

export const quote = (text) => `'${String(text).replaceAll("'", "'\\''")}'`;

const parts = (lines) => lines.join(' \\\n  ');
const start = (url, withKey) => [`curl --fail-with-body -X POST ${url}`, ...(withKey ? ['-H "X-API-Key: $SAM_API_KEY"'] : [])];
const picture = ({ url, name }) =>
  url ? `--form-string ${quote(`image_url=${url}`)}` : `-F ${quote(`image=@"${String(name).replace(/[\\"]/g, '\\$&')}"`)}`;

// ``fits``: { mask, image } names of the files that an answer in JSON holds; ``image`` has no ending, null when there is none.
export function command({ fits, ...asked }) {
  const ask = asked.values.points || asked.values.box ? corrected : whole;
  return [ask(asked), ...(fits ? unpack(asked, fits) : [])].join('\n');
}

const field = (name, answer) => `sed -n 's/.*"${name}": *"\\([^"]*\\)".*/\\1/p' ${quote(answer)}`;

// The mask and, unless the picture goes along as it is, the picture.
function unpack({ output, source }, { mask, image }) {
  const lines = [`${field('mask_base64', output)} | base64 -d > ${quote(mask)}`];
  if (!image) return lines;
  const own = source.file ? `; else cp ${quote(source.name)} ${quote(`${image}.${source.name.split('.').pop()}`)}` : '';
  const name = `${quote(`${image}.`)}"$(${field('image_format', output)})"`;
  return [...lines, `if grep -q '"image_base64": *"' ${quote(output)}; then ${field('image_base64', output)} | base64 -d > ${name}${own}; fi`];
}

function whole({ path, values, source, withKey, accept, output }) {
  const lines = start(quote(address(path)), withKey);
  if (accept) lines.push(`-H ${quote(`Accept: ${accept}`)}`);
  lines.push(picture(source));
  for (const [name, value] of Object.entries(values)) {
    if (value === undefined || value === '') continue;
    lines.push(`--form-string ${quote(`${name}=${typeof value === 'object' ? JSON.stringify(value) : value}`)}`);
  }
  return parts([...lines, `-o ${quote(output)}`]);
}

// Points and a box go to a picture that was uploaded before: two requests.
function corrected({ values, source, withKey, accept, output }) {
  const upload = parts([...start(quote(address('images')), withKey), '-sS', "-F 'on_no_face=empty'", picture(source)]);
  const ask = parts([
    ...start(`${quote(address('images/'))}"$id"/masks`, withKey), `-H ${quote(`Accept: ${accept}`)}`,
    "-H 'Content-Type: application/json'", `-d ${quote(JSON.stringify(values))}`, `-o ${quote(output)}`,
  ]);
  return `id=$(${upload} \\\n  | sed -n 's/.*"image_id": *"\\([^"]*\\)".*/\\1/p')\n${ask}`;
}

// The dialog with the command for what the page shows. ``row``: the tool that a mask is for, or undefined.
export function showCommand(session, workspace, row) {
  const { path, values, file } = TASKS[task()];
  const { source } = session;
  const name = stem(source.name);
  const fits = task() === 'mask' && row; // the answer holds more than one file
  const kind = task() === 'anonymize' ? ending(source.file?.type || 'image/jpeg') : 'png';
  $('command').value = command({
    path, values: { ...session.looks, ...values(workspace) }, source, withKey: Boolean(key()),
    accept: fits ? 'application/json' : task() === 'anonymize' ? 'image/*' : 'image/png',
    output: fits ? `${name}-answer.json` : `${name}-${file}.${kind}`,
    fits: fits && { mask: `${name}-mask-${row.name}.png`, image: row.one_file ? null : `${name}-image-${row.name}` },
  });
  $('without-strokes').hidden = !workspace.strokes.length;
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
