// Azure's blob store (Azurite), in memory, on a free port of 127.0.0.1: node server.mjs
//
// Prints its URL when it is ready, logs requests to stderr, and ends when stdin ends: its parent holds the other end, so
// that it cannot outlive it. Only the blob service is loaded, and none of the packages that package.json leaves out.
import { createRequire } from 'node:module'

const require = createRequire(import.meta.url)
// A stand-in for the telemetry, which is required even where it is off.
const telemetry = require.resolve('applicationinsights')
require.cache[telemetry] = { id: telemetry, filename: telemetry, loaded: true, exports: {} }
const { default: BlobServer } = require('azurite/dist/src/blob/BlobServer.js')
const { default: BlobConfiguration } = require('azurite/dist/src/blob/BlobConfiguration.js')

const config = new BlobConfiguration('127.0.0.1', 0)
const log = { accessLogWriteStream: process.stderr, enableAccessLog: true }
Object.assign(config, { ...log, isMemoryPersistence: true, skipApiVersionCheck: true })
const server = new BlobServer(config)
process.stdin.on('end', () => process.exit(0)).resume()
await server.start()
console.log(server.getHttpServerAddress())
