// Looks at the node's page as people would, in headless Chromium, and tells what is not as it should be; page_test.go fails for it.
//   node page.js ORDER.json    {"base", "study", "user", "watcher", "password", "playwright", "axe", "chromium"}
// "user" may act, "watcher" may look. Answers with a list of problems on standard output.
'use strict';
const http = require('http');
const { order, problem, expect, open, openAs, look, pictures, scrolls, run } = require('./browser.js');
const study = '/studies/' + order.study;
const foreign = '"><script>';

// Whoever has not logged in is asked to, by keyboard alone, and is where they wanted to go then.
async function logsIn(browser) {
  const page = await open(browser, {}, true); // a login that is refused stands on the console
  await page.goto(order.base + '/studies');
  expect(page.url() === order.base + '/login?next=%2Fstudies', 'without a login: ' + page.url());
  await page.keyboard.type(order.user);
  await page.keyboard.press('Tab');
  await page.keyboard.type('a wrong password');
  await page.keyboard.press('Enter');
  await page.getByRole('alert').waitFor();
  expect((await page.getByRole('alert').innerText()).includes('wrong'), 'a wrong password is not said to be');
  await page.keyboard.type(order.password); // the field has the focus
  await page.keyboard.press('Enter');
  await page.waitForURL(order.base + '/studies');
  const [cookie] = await page.context().cookies();
  expect(cookie.httpOnly && cookie.sameSite === 'Lax', 'cookie: ' + JSON.stringify(cookie));
  await page.getByRole('button', { name: 'Log out' }).click();
  await page.goto(order.base + '/');
  expect(page.url().startsWith(order.base + '/login'), 'after the logout: ' + page.url());
  await page.context().close();
}

// Every view, wide and narrow, light and dark: nothing sticks out, nothing that axe calls serious, foreign text is text.
async function views(browser) {
  for (const [width, height, colorScheme] of [[1280, 900, 'light'], [390, 844, 'dark']]) { // of four, these show all that can be wrong
    const page = await openAs(browser, order.user, { viewport: { width, height }, colorScheme });
    for (const [name, at] of [['overview', '/'], ['studies', '/studies'], ['study', study], ['login', '/login']]) {
      const where = `${name} at ${width}, ${colorScheme}`;
      await page.goto(order.base + at);
      if (name !== 'login') {
        expect((await page.locator('main').innerText()).includes(foreign), `${where} does not show ${foreign}`);
      }
      expect(await page.locator('script').count() === 1, `${where} has another script`);
      if (name === 'study') await pictures(page, where);
      await look(page, where);
    }
    await page.context().close();
  }
}

// The study by keyboard alone: the link to the content comes first, all that can be used can be reached and seen to have the focus, and
// arrows scroll through the slices.
async function keyboard(browser) {
  const page = await openAs(browser, order.user, {});
  await page.goto(order.base + study);
  const reached = [];
  for (let i = 0; i < 60; i++) {
    await page.keyboard.press('Tab');
    const at = await page.evaluate(() => {
      const e = document.activeElement;
      if (!e || e === document.body) return null;
      const style = getComputedStyle(e);
      return { name: (e.getAttribute('aria-label') || e.innerText || e.name || '').trim().split('\n')[0], type: e.type || '',
        seen: style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) > 0 };
    });
    if (!at) break;
    expect(at.seen, `the focus on ${at.name} cannot be seen`);
    reached.push(at.name);
    if (at.type === 'range') break;
  }
  expect(reached[0] === 'Skip to the content', 'first is ' + reached[0]);
  for (const want of ['Overview', 'Studies', 'Log out', 'findings.json', 'read again', 'send again', 'Slice']) {
    expect(reached.some(name => name.startsWith(want)), `${want} is not reached by Tab: ${reached}`);
  }
  await scrolls(page);
  await page.context().close();
}

// Who may look is offered nothing else, and everything but live updates and the scroller works without scripts.
async function withoutScripts(browser) {
  const page = await openAs(browser, order.watcher, { javaScriptEnabled: false });
  expect(await page.locator('form[action="/act"]').count() === 0, 'who may look is offered actions');
  await page.goto(order.base + '/studies');
  await page.getByLabel('Result').selectOption('negative');
  await page.getByRole('button', { name: 'Show' }).click();
  expect((await page.locator('main').innerText()).includes('No study is like that.'), 'the filter lets a positive study through');
  await page.goto(order.base + study + '?slice=1');
  await page.getByRole('link', { name: 'Next' }).click();
  await page.waitForURL(/slice=2/);
  expect((await page.locator('#slices img').first().getAttribute('src')).endsWith('/2/ct.png'), 'the link to the next slice shows another');
  expect(await page.getByText('POSITIVE', { exact: true }).isVisible(), 'the decision is not seen');
  const answer = await page.request.post(order.base + '/act', { form: { action: 'echo', of: 'pacs' } });
  expect(answer.status() === 403, 'who may look acts: ' + answer.status());
  await page.context().close();
}

// Every action answers, and who watches sees what comes of it without doing anything.
async function acts(browser) {
  const watcher = await openAs(browser, order.watcher, {});
  await watcher.goto(order.base + '/');
  const before = await watcher.locator('#last').innerText();
  const page = await openAs(browser, order.user, {});
  for (const [button, want] of [['echo pacs', 'PACS at'], ['preflight pacs', 'summary'], ['echo away', 'nobody listens'],
    ['try all now away', 'tried now'], ['test ris', 'NOT TAKEN']]) {
    await page.goto(order.base + '/');
    await page.getByRole('button', { name: button, exact: true }).first().click();
    const answer = await page.locator('.answer').innerText();
    expect(answer.includes(want), `${button}: ${answer}`);
  }
  for (const button of ['send again', 'read again']) {
    await page.goto(order.base + study);
    await page.getByRole('button', { name: button }).click();
    const answer = await page.locator('.answer').innerText();
    expect(answer.includes('is read again'), `${button}: ${answer}`);
  }
  await watcher.waitForFunction(old => document.querySelector('#last').innerText !== old, before).catch(
    () => problem('who watches is not told of anything'));
  await watcher.context().close();
  await page.context().close();
}

// More pages than a browser opens connections stay usable, since those that nobody sees keep none; one that is seen again catches up.
async function manyTabs(browser) {
  const first = await openAs(browser, order.watcher, {}, true);
  const turn = (page, hidden) => page.evaluate(is => {
    Object.defineProperty(document, 'hidden', { configurable: true, get: () => is });
    document.dispatchEvent(new Event('visibilitychange'));
  }, hidden);
  for (let i = 0; i < 8; i++) {
    const page = i === 0 ? first : await first.context().newPage();
    page.setDefaultTimeout(15000);
    await Promise.all([page.waitForRequest(r => r.url().endsWith('/live')), page.goto(order.base + '/')]);
    await turn(page, true);
  }
  await Promise.all([first.waitForRequest(r => r.url().endsWith('/live')), first.waitForResponse(r => r.url() === order.base + '/'),
    turn(first, false)]);
  await first.context().close();
}

// Another site can neither have its name lead here nor send a form.
async function otherSites(browser) {
  const page = await openAs(browser, order.user, {}, true);
  const port = new URL(order.base).port;
  const answer = await page.goto(`http://evil.example:${port}/`);
  expect(answer.status() === 421, 'another name: ' + answer.status());
  const evil = http.createServer((_, res) => {
    res.setHeader('Content-Type', 'text/html');
    res.end(`<form method="post" action="${order.base}/act"><input name="action" value="echo"><input name="of" value="from-another-site"></form>` +
      '<script>document.forms[0].submit()</script>');
  });
  await new Promise(done => evil.listen(0, '127.0.0.1', done));
  const posted = page.waitForResponse(r => r.url() === order.base + '/act');
  await page.goto(`http://evil.example:${evil.address().port}/`).catch(() => {}); // it is left at once
  expect((await posted).status() === 403, 'a form of another site: ' + (await posted).status());
  evil.close();
  evil.closeAllConnections();
  await page.context().close();
}

run(['--host-resolver-rules=MAP evil.example 127.0.0.1'], logsIn, views, keyboard, withoutScripts, acts, manyTabs, otherSites);
