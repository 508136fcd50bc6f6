// What the page says about itself: state, errors, the busy sign, and which controls are there.

import { ServiceError } from './api.js';
import { $, number, task, units } from './form.js';
import { count, errorText } from './words.js';

const SLOW = 200; // milliseconds before the busy sign shows: what is quick does not flicker
let works = 0;
let timer = 0;

export function say(text) { $('state').textContent = text; }

// Counted: whoever says yes says no once.
export function busy(on) {
  works += on ? 1 : -1;
  clearTimeout(timer);
  if (works) timer = setTimeout(() => document.body.classList.add('busy'), SLOW);
  else document.body.classList.remove('busy');
  $('workspace').setAttribute('aria-busy', String(works > 0));
}

export function fail(error) {
  const known = error instanceof ServiceError;
  if (!known) console.error(error);
  $('error').textContent = known ? errorText(error.code, error.message) : 'Something went wrong in this page.';
  $('error').hidden = false;
  if (!needsKey(error)) return;
  $('access').open = true;
  $('key').focus();
}

export const needsKey = (error) => error.code === 'key_missing' || error.code === 'key_wrong';

export function calm() { $('error').hidden = true; }

const KINDS = { white: ['white', 'black'], black: ['black', 'white'], transparent: ['transparent', 'opaque'] };

// Which of the file's values stand for the face and for the rest, and which of the two a tool repaints.
function look(row) {
  if (!row) return { face: $('invert').checked ? 'black' : 'white', rest: $('invert').checked ? 'white' : 'black', changes: 'face' };
  const [change, keep] = KINDS[row.change];
  const all = $('edit').value === 'everything_else';
  return { face: all ? keep : change, rest: all ? change : keep, changes: all ? 'rest' : 'face' };
}

// Makes the controls' surroundings fit what they hold.
export function sync(workspace, row) {
  for (const part of document.querySelectorAll('[data-task]')) part.hidden = !part.dataset.task.split(' ').includes(task());
  $('colourfield').hidden = $('background').value !== 'colour';
  $('invertfield').hidden = Boolean(row);
  $('editfield').hidden = !row;
  $('opacityfield').hidden = $('view').value !== 'overlay';
  const plain = `Plain PNG: face ${$('invert').checked ? 'black, rest white' : 'white, rest black'}.`;
  const hard = row && !row.soft ? ' Two values only: the feather is left out.' : '';
  $('polarity').textContent = row ? `${row.consumer}: ${row.polarity[$('edit').value]}.${hard}` : plain;
  workspace.hides = task() === 'anonymize';
  $('nohide').disabled = !workspace.hide.length;
  $('hidden').textContent = workspace.hide.length ? `${count(workspace.hide.length, 'box', 'boxes')}.` : 'None.';
  workspace.look = { view: $('view').value, opacity: number('opacity') / 100, ...look(row) };
  units();
}
