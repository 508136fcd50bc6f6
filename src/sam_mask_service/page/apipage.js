// /docs for a service with a key: a link cannot carry one, so the page fetches it and shows it here.

import { docs, key } from './api.js';
import { $ } from './form.js';

export function listen(fail) {
  $('docs').addEventListener('click', (event) => {
    if (!key() || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    show().catch(fail);
  });
  $('docsclose').addEventListener('click', () => $('docsdialog').close());
}

async function show() {
  const found = new DOMParser().parseFromString(await docs(), 'text/html');
  for (const part of found.querySelectorAll('script, style, link')) part.remove();
  $('docstext').replaceChildren(...found.body.childNodes);
  for (const link of $('docstext').querySelectorAll('a[href^="#"]')) link.addEventListener('click', jump);
  $('docsdialog').showModal();
}

function jump(event) {
  event.preventDefault();
  document.getElementById(event.currentTarget.getAttribute('href').slice(1))?.scrollIntoView();
}
