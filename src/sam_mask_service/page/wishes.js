// Everything that the user asked for, as one value: what undo goes back to, and what each of several pictures keeps.

import { $ } from './values.js';

const controls = () => [...$('panel').elements].filter((e) => e.name && !e.dataset.once && e.type !== 'file');
const keyOf = (control) => (control.type === 'radio' ? `${control.name}=${control.value}` : control.name);

export function take(stage) {
  return {
    controls: Object.fromEntries(controls().map((c) => [keyOf(c), c.type === 'radio' || c.type === 'checkbox' ? c.checked : c.value])),
    padded: $('padding').dataset.moved,
    ...own(stage),
  };
}

// What belongs to the picture alone.
export const own = (stage) => ({ chosen: [...stage.chosen].sort((a, b) => a - b), points: stage.points, box: stage.box, hide: stage.hide, strokes: stage.strokes });

export function same(a, b) {
  const bare = (state) => JSON.stringify({ ...state, strokes: 0 });
  return a?.strokes === b?.strokes && bare(a) === bare(b);
}

export function put(state, stage) {
  for (const control of controls()) {
    const value = state.controls[keyOf(control)];
    if (control.type === 'radio' || control.type === 'checkbox') control.checked = value;
    else control.value = value;
  }
  $('padding').dataset.moved = state.padded || '';
  putOwn(state, stage);
}

export function putOwn({ chosen, points, box, hide = [], strokes }, stage) {
  Object.assign(stage, { chosen: new Set(chosen), points, box, hide, strokes });
}
