// Opens the node's page in as many browser profiles as are asked for, each with connections of its own, as on so many machines, in headless
// Chromium, and leaves it open.
//   node watch.js ORDER.json    {"base", "clients", "playwright", "chromium"}
// Writes "open" once all pages are live, then waits until its input ends, and answers how often all of them together asked for the page since.
'use strict';
const fs = require('fs');

const order = JSON.parse(fs.readFileSync(process.argv[2], 'utf8'));
const { chromium } = require(order.playwright);

(async () => {
  const browser = await chromium.launch({ executablePath: order.chromium, args: ['--no-sandbox'] });
  let asked = 0;
  for (let i = 0; i < order.clients; i++) {
    const page = await (await browser.newContext()).newPage();
    const live = page.waitForRequest(r => r.url().endsWith('/live'));
    await page.goto(order.base + '/');
    await live;
    page.on('request', r => { if (r.url() === order.base + '/') asked++; });
  }
  process.stdout.write('open\n');
  for await (const _ of process.stdin);
  await browser.close();
  process.stdout.write(asked + '\n');
})().catch(e => { process.stderr.write(e.stack + '\n'); process.exit(1); });
