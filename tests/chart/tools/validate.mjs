// Reads [{model, document}] and writes a list of problems for each document.
//
// A model's validator accepts fields that it does not know, an API server refuses them. But it
// looks at every field that it knows, so those that it never looked at are unknown.
import { existsSync, readFileSync } from "node:fs";

function watch(value, path, unseen) {
  if (value === null || typeof value !== "object") return value;
  const copy = Array.isArray(value) ? [] : {};
  for (const [key, entry] of Object.entries(value)) {
    const at = `${path}/${key}`;
    if (!Array.isArray(value)) unseen.add(at);
    copy[key] = watch(entry, at, unseen);
  }
  return new Proxy(copy, {
    get(target, key) {
      unseen.delete(`${path}/${String(key)}`);
      return target[key];
    },
  });
}

function within(path, paths) {
  return paths.some((parent) => path.startsWith(`${parent}/`));
}

async function problems({ model, document }) {
  if (!existsSync(model)) return [`${document.apiVersion} has no such kind`];
  const { [document.kind]: kind } = await import(model);
  const unseen = new Set();
  const watched = watch(document, "", unseen);
  const found = [];
  try {
    kind.prototype.validate.call(watched);
  } catch (error) {
    found.push(error.message);
  }
  const paths = [...unseen];
  for (const path of paths) {
    if (!within(path, paths)) found.push(`${path} is not a known field`);
  }
  return found;
}

const asked = JSON.parse(readFileSync(0, "utf8"));
console.log(JSON.stringify(await Promise.all(asked.map(problems))));
