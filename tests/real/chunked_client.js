// Sends a file in ten chunks at a time, and goes on with what is missing whenever the server was away.

const { readFileSync } = require("node:fs");
const { basename } = require("node:path");

const [url, token, path] = process.argv.slice(2);
const content = readFileSync(path);

async function ask(method, url, body, headers = {}) {
  for (;;) {
    try {
      const answer = await fetch(url, { method, body, headers });
      if (answer.status < 500) return await answer.json();
    } catch (error) {
      // The server is away.
    }
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

async function main() {
  const order = { filename: basename(path), size: content.length, options: { chunked: true } };
  const session = await ask("POST", `${url}/api/v3/upload`, JSON.stringify(order), {
    "Authorization": `Bearer ${token}`,
    "Content-Type": "application/json",
  });
  console.log(JSON.stringify(session));
  const size = session.chunk_size;
  for (;;) {
    const { missing } = await ask("GET", session.status_url);
    if (missing.length === 0) break;
    const wanted = new Set();
    for (const [first, last] of missing) {
      for (let index = Math.floor(first / size); index * size <= last; index++) wanted.add(index);
    }
    const left = [...wanted];
    const sender = async () => {
      for (let index; (index = left.shift()) !== undefined; ) {
        const chunk = content.subarray(index * size, (index + 1) * size);
        await ask("PUT", session.upload_urls.chunks[index], chunk);
      }
    };
    await Promise.all(Array.from({ length: 10 }, sender));
  }
  console.log(JSON.stringify(await ask("POST", session.complete_url)));
}

main();
