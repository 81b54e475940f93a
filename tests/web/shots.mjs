// The README's pictures: node shots.mjs URL FOLDER (CHROMIUM names the browser).
import { launch, open, card } from './lib.mjs';
const [url, folder] = process.argv.slice(2);
const browser = await launch();
for (const [name, path, id, options] of [
  ['daily_user_listen_counts', '/listening', 'daily_user_listen_counts', {}],
  ['top_songs', '/music', 'top_songs', {}],
  ['mean_listening_time', '/listening', 'mean_listening_time', {}],
  ['overview_light', '/overview', null, {}],
  ['overview_dark', '/overview?days=7', null, { colorScheme: 'dark' }],
  ['overview_phone', '/overview', null, { viewport: { width: 390, height: 844 } }],
  ['overview_wide', '/listening', null, { viewport: { width: 1920, height: 1080 } }],
]) {
  const page = await open(browser, url + path, options);
  await page.waitForTimeout(500);
  await (id ? card(page, id) : page).screenshot({ path: `${folder}/${name}.png` });
  await page.context().close();
}
await browser.close();
