// Refuses a Node that is too old, with the next step.
const [major, minor] = process.versions.node.split('.').map(Number)
if (major < 20 || (major === 20 && minor < 19)) {
  console.error(`quorate needs Node >= 20.19; this is ${process.version}. Install a current LTS release and run the same command again.`)
  process.exit(1)
}
