// The request that the page makes, as a command for a POSIX shell.

export const quote = (text) => `'${String(text).replaceAll("'", "'\\''")}'`;

export function command({ origin, path, values, file, withKey, accept, output }) {
  const lines = [`curl --fail-with-body -X POST ${quote(origin + path)}`];
  if (withKey) lines.push('-H "X-API-Key: $SAM_API_KEY"');
  if (accept) lines.push(`-H ${quote(`Accept: ${accept}`)}`);
  lines.push(`-F ${quote(`image=@"${String(file).replace(/[\\"]/g, '\\$&')}"`)}`);
  for (const [name, value] of Object.entries(values)) {
    if (value === undefined || value === '') continue;
    lines.push(`--form-string ${quote(`${name}=${typeof value === 'object' ? JSON.stringify(value) : value}`)}`);
  }
  lines.push(`-o ${quote(output)}`);
  return lines.join(' \\\n  ');
}
