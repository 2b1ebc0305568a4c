import { serveHere } from '../http/served.js'
import type { ServerName } from '../http/servers.js'

await serveHere(process.argv[2] as ServerName)
