// What page.js, try.js and shots.js share: a browser as ordered, and problems that it finds.
'use strict';
const fs = require('fs');
const path = require('path');

const order = JSON.parse(fs.readFileSync(process.argv[2], 'utf8'));
const { chromium } = require(order.playwright);
const axe = fs.readFileSync(path.join(order.axe, 'axe.min.js'), 'utf8');
const problems = [];
const problem = text => problems.push(text);
const expect = (holds, text) => { if (!holds) problem(text); };

/** Opens a page that reports what its console complains of: whatever the policy blocks, and every fault of a script. */
async function open(browser, options, quiet) {
  const page = await (await browser.newContext(options)).newPage();
  page.setDefaultTimeout(60000);
  if (!quiet) {
    page.on('console', m => { if (m.type() === 'error') problem(`console at ${page.url()}: ${m.text()}`); });
    page.on('pageerror', e => problem(`script at ${page.url()}: ${e.message}`));
  }
  page.on('dialog', d => { problem(`a dialog at ${page.url()}: ${d.message()}`); d.dismiss(); });
  return page;
}

/** Nothing sticks out, and nothing is what axe calls serious. */
async function look(page, where) {
  const aside = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
  expect(aside <= 0, `${where} sticks out by ${aside}`);
  await page.evaluate(axe); // the policy lets no script in by the page
  const found = await page.evaluate(() => window.axe.run(document, { resultTypes: ['violations'] }));
  for (const v of found.violations.filter(v => v.impact === 'serious' || v.impact === 'critical')) {
    problem(`${where}: ${v.id}: ${v.help}: ${v.nodes.map(n => n.html).slice(0, 3).join(' ')}`);
  }
}

const sizes = page => page.evaluate(() => [...document.querySelectorAll('main img:not([hidden])')].map(
  i => ({ src: i.getAttribute('src'), width: i.naturalWidth, height: i.naturalHeight })));

/** All pictures are there, and those of a slice have one size. */
async function pictures(page, where) {
  const loaded = () => [...document.querySelectorAll('main img:not([hidden])')].every(i => i.complete);
  const late = Date.now() + 60000; // waitForFunction waits for ever on a page without scripts
  while (!await page.evaluate(loaded) && Date.now() < late) await new Promise(done => setTimeout(done, 50));
  const all = await sizes(page);
  expect(all.length >= 3 && all.every(i => i.width >= 512), `${where}: pictures ${JSON.stringify(all)}`);
  const layers = all.filter(i => !i.src.endsWith('summary.png'));
  expect(new Set(layers.map(i => `${i.width} x ${i.height}`)).size === 1, `${where}: layers of several sizes ${JSON.stringify(layers)}`);
}

/** Arrows scroll through the slices, from the slider, which has the focus. */
async function scrolls(page) {
  const before = (await sizes(page)).map(i => i.src).join();
  await page.keyboard.press('Home');
  await page.keyboard.press('ArrowRight');
  await page.waitForFunction(() => /\/2\/ct\.png$/.test(document.querySelector('#slices img').getAttribute('src')));
  expect(before !== (await sizes(page)).map(i => i.src).join(), 'arrows scroll through nothing');
  const says = await page.getByRole('slider').getAttribute('aria-valuetext');
  expect(says.startsWith('2,'), 'the slider says ' + says);
}

/** Logs in by the form. */
async function login(page, name) {
  await page.goto(order.base + '/login');
  await page.getByLabel('Name').fill(name);
  await page.getByLabel('Password').fill(order.password);
  await page.getByRole('button', { name: 'Log in' }).click();
  await page.waitForURL(order.base + '/');
}

const sessions = {};

/** Opens a page of somebody who has logged in; that costs the node a second, so it is done once for each. */
async function openAs(browser, name, options, quiet) {
  if (!sessions[name]) {
    const page = await open(browser, {});
    await login(page, name);
    sessions[name] = await page.context().storageState();
    await page.context().close();
  }
  return open(browser, { ...options, storageState: sessions[name] }, quiet);
}

/** Does one part after the other, and answers with the problems on standard output. */
async function run(args, ...parts) {
  const browser = await chromium.launch({ executablePath: order.chromium, args: ['--no-sandbox', ...args] });
  for (const part of parts) {
    await part(browser).catch(e => problem(`${part.name}: ${e.message}`));
  }
  await browser.close();
  process.stdout.write(JSON.stringify(problems));
}

module.exports = { order, problem, expect, open, openAs, look, pictures, scrolls, run };
