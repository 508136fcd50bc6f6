// The request that the page makes, as a command for a POSIX shell.

export const quote = (text) => `'${String(text).replaceAll("'", "'\\''")}'`;

const parts = (lines) => lines.join(' \\\n  ');
const start = (method, url, withKey) => [`curl --fail-with-body -X ${method} ${url}`, ...(withKey ? ['-H "X-API-Key: $SAM_API_KEY"'] : [])];
const picture = (file) => `-F ${quote(`image=@"${String(file).replace(/[\\"]/g, '\\$&')}"`)}`;

export function command({ origin, path, values, file, withKey, accept, output }) {
  if (values.points || values.box) return corrected({ origin, values, file, withKey, accept, output });
  const lines = start('POST', quote(origin + path), withKey);
  if (accept) lines.push(`-H ${quote(`Accept: ${accept}`)}`);
  lines.push(picture(file));
  for (const [name, value] of Object.entries(values)) {
    if (value === undefined || value === '') continue;
    lines.push(`--form-string ${quote(`${name}=${typeof value === 'object' ? JSON.stringify(value) : value}`)}`);
  }
  return parts([...lines, `-o ${quote(output)}`]);
}

// Points and a box go to a picture that was uploaded before: two requests.
function corrected({ origin, values, file, withKey, accept, output }) {
  const upload = parts([...start('POST', quote(`${origin}/images`), withKey), '-sS', "-F 'on_no_face=empty'", picture(file)]);
  const ask = parts([
    ...start('POST', `${quote(`${origin}/images/`)}"$id"/masks`, withKey), `-H ${quote(`Accept: ${accept}`)}`,
    "-H 'Content-Type: application/json'", `-d ${quote(JSON.stringify(values))}`, `-o ${quote(output)}`,
  ]);
  return `id=$(${upload} \\\n  | sed -n 's/.*"image_id": *"\\([^"]*\\)".*/\\1/p')\n${ask}`;
}
