/**
 * Runs `node <arguments>` on a newer Node than the oldest supported one:
 *   node scripts/newer-node.mjs script.js --option
 * The newer Node is the platform package behind the npm package `node`. It is fetched without running any install script.
 */
import { spawnSync } from 'node:child_process'

const version = '24.21.0'
const platforms = ['linux-x64', 'linux-arm64', 'win-x64']

const platform = `${process.platform === 'win32' ? 'win' : process.platform}-${process.arch}`
const major = Number.parseInt(version, 10)

if (Number.parseInt(process.versions.node, 10) >= major) {
  console.log(`Already on Node ${process.version}: nothing to repeat.`)
} else if (!platforms.includes(platform)) {
  console.log(`npm has no Node ${version} for ${platform}. Run the tests with Node ${major} installed by other means.`)
} else {
  const command = ['--yes', `--package=node-${platform}@${version}`, '--', 'node', ...process.argv.slice(2)]
  const { status, error } = spawnSync('npx', command, { stdio: 'inherit', shell: process.platform === 'win32' })
  if (error) console.error(error.message)
  process.exitCode = status ?? 1
}
