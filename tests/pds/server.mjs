// The reference PDS and a stub of the PLC directory, in one process, on free ports of 127.0.0.1.
//
//   node server.mjs --modules DIR [--accounts a.test,b.test] [--password PW] [--rate-limits] [--blob-limit BYTES]
//                   [--data DIR]
//
// Prints one JSON line when it is ready. Ends on SIGTERM, on SIGINT, and when stdin ends: its parent holds the
// other end of stdin, so that it cannot outlive them. Without --data it keeps its files in a temporary directory, and
// removes them at the end.
import { AsyncLocalStorage } from 'node:async_hooks'
import crypto from 'node:crypto'
import fs from 'node:fs'
import http from 'node:http'
import { createRequire } from 'node:module'
import os from 'node:os'
import path from 'node:path'
import { pathToFileURL } from 'node:url'
import { parseArgs } from 'node:util'

const { values: options } = parseArgs({
  options: {
    modules: { type: 'string' },
    accounts: { type: 'string', default: '' },
    password: { type: 'string', default: 'correct-horse-battery' },
    'rate-limits': { type: 'boolean', default: false },
    'blob-limit': { type: 'string' }, // without it, the PDS's own default
    data: { type: 'string' },
  },
})
if (!options.modules) throw new Error('--modules DIR is required: the node_modules that hold @atproto/pds')

// --- The end, prepared first: a signal may come while the servers still start ----------------------------------------

const servers = []
let pds
let stopping = false

async function stop() {
  if (stopping) return
  stopping = true
  setTimeout(() => process.exit(1), 5000) // should the PDS hang
  for (const server of servers) {
    server.close()
    server.closeAllConnections()
  }
  await pds?.destroy()
  process.exit(0)
}

process.on('SIGTERM', stop)
process.on('SIGINT', stop)
process.stdin.on('end', stop).resume()

// An upload that breaks off may end the process of 0.4, and nothing here starts it again.
process.on('uncaughtException', (error) => {
  console.error(error)
  if (error.code !== 'ECONNRESET') process.exit(1)
})

const data = options.data ?? fs.mkdtempSync(path.join(os.tmpdir(), 'atpub-pds-'))
fs.mkdirSync(data, { recursive: true })
if (!options.data) process.on('exit', () => fs.rmSync(data, { recursive: true, force: true }))

// --- Servers -----------------------------------------------------------------------------------------------------------

async function listen() {
  const server = http.createServer()
  servers.push(server)
  await new Promise((resolve, reject) => server.once('error', reject).listen(0, '127.0.0.1', resolve))
  // By name: 0.5 refuses an IP address as a PLC host, and the PDS calls itself http://localhost:PORT in DID documents.
  return { server, port: server.address().port, url: `http://localhost:${server.address().port}` }
}

// Keeps the newest operation of every DID, unchecked: the PDS that sends them is the one under test.
function plcStub() {
  const operations = new Map()

  const document = (did, { alsoKnownAs, verificationMethods, services }) => ({
    '@context': ['https://www.w3.org/ns/did/v1', 'https://w3id.org/security/multikey/v1'],
    id: did,
    alsoKnownAs,
    verificationMethod: Object.entries(verificationMethods).map(([name, key]) => ({
      id: `${did}#${name}`,
      type: 'Multikey',
      controller: did,
      publicKeyMultibase: key.replace('did:key:', ''),
    })),
    service: Object.entries(services).map(([name, { type, endpoint }]) => ({
      id: `#${name}`,
      type,
      serviceEndpoint: endpoint,
    })),
  })

  async function answer(request) {
    const [did, ...rest] = decodeURIComponent(request.url.slice(1)).split('/')
    const what = rest.join('/')
    if (did === '_health') return [200, { version: 'stub' }]
    if (request.method === 'POST') {
      const chunks = await request.toArray()
      operations.set(did, JSON.parse(Buffer.concat(chunks).toString()))
      return [200, {}]
    }
    const operation = operations.get(did)
    if (!operation) return [404, { message: `DID not registered: ${did}` }]
    if (what === 'log/last') return [200, operation]
    if (operation.type === 'plc_tombstone') return [410, { message: `DID not available: ${did}` }]
    if (what === 'data') return [200, { did, ...operation }]
    if (what === '') return [200, document(did, operation)]
    return [404, { message: `not in this stub: ${what}` }]
  }

  return async (request, response) => {
    const [status, body] = await answer(request).catch((error) => [400, { message: String(error) }])
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
  }
}

const plc = await listen()
plc.server.on('request', plcStub())

// PDS.start() would bind every interface, and would need a port before one is known to be free: hence a server of our own.
const service = await listen()
service.server.keepAliveTimeout = 90_000 // as PDS.start() has it

process.env.LOG_ENABLED = 'false' // read when the PDS is imported; its log would go to stdout
const { resolve } = createRequire(path.resolve(options.modules, 'any.js'))
const { PDS, envToCfg, envToSecrets } = await import(pathToFileURL(resolve('@atproto/pds')))
const { version } = JSON.parse(fs.readFileSync(resolve('@atproto/pds/package.json'), 'utf8'))
const { lexToJson } = await import(
  pathToFileURL(resolve(version.startsWith('0.4.') ? '@atproto/lexicon' : '@atproto/lex-json'))
)
const { cborToLexRecord } = await import(pathToFileURL(resolve('@atproto/repo')))

const secret = (bytes) => crypto.randomBytes(bytes).toString('hex')
const environment = {
  version, // 0.4 does not know its own
  port: service.port,
  hostname: 'localhost',
  devMode: true, // a public URL with http: is refused without it
  disableSsrfProtection: true, // it would refuse this PLC, for being on the loopback
  didPlcUrl: plc.url,
  serviceHandleDomains: ['.test'],
  inviteRequired: false,
  rateLimitsEnabled: options['rate-limits'],
  blobUploadLimit: options['blob-limit'] && Number(options['blob-limit']),
  dataDirectory: data,
  blobstoreDiskLocation: path.join(data, 'blobs'),
  jwtSecret: secret(16),
  adminPassword: secret(8),
  dpopSecret: secret(32),
  plcRotationKeyK256PrivateKeyHex: secret(32),
}
pds = await PDS.create(envToCfg(environment), envToSecrets(environment))
await pds.ctx.sequencer.start()

// A hash of a password takes 36 ms of CPU, so that passwords cannot be guessed. Every second test logs in.
const { scrypt } = crypto
crypto.scrypt = (password, salt, length, done) => scrypt(password, salt, length, { cost: 2 }, done)

// Against timing attacks, the PDS answers each login only after 350 ms.
const loggingIn = new AsyncLocalStorage()
const { accountManager, actorStore } = pds.ctx
const { login } = accountManager
const { setTimeout } = globalThis
accountManager.login = (...given) => loggingIn.run(true, () => login.apply(accountManager, given))
globalThis.setTimeout = (work, delay, ...given) => setTimeout(work, loggingIn.getStore() ? 0 : delay, ...given)

// What an account's repository holds, in one reply, which takes dozens of requests otherwise: the URI, CID and value of
// every record and, when asked for, the size and digest of every blob, as sync.getBlob gives it.
async function contentOf(did, { withBlobs }) {
  return actorStore.read(did, async ({ record, repo }) => {
    const rows = await record.db.db
      .selectFrom('record')
      .innerJoin('repo_block', 'repo_block.cid', 'record.cid')
      .select(['record.uri', 'record.cid', 'repo_block.content'])
      .where('record.takedownRef', 'is', null)
      .orderBy('record.uri', 'desc')
      .execute()
    const records = rows.map(({ uri, cid, content }) => ({ uri, cid, value: lexToJson(cborToLexRecord(content)) }))
    const cids = withBlobs ? await repo.blob.listBlobs({ limit: 1000 }) : []
    return { records, blobs: await Promise.all(cids.map((cid) => digestOf(repo.blob, cid))) }
  })
}

async function digestOf(blobs, cid) {
  const { stream } = await blobs.getBlob(cid)
  const hash = crypto.createHash('sha256')
  let size = 0
  for await (const piece of stream) {
    hash.update(piece)
    size += piece.length
  }
  return { cid, size, sha256: hash.digest('hex') }
}

service.server.on('request', async (request, response) => {
  const { pathname, searchParams } = new URL(request.url, service.url)
  if (pathname !== '/test/content') return pds.app(request, response)
  const body = JSON.stringify(await contentOf(searchParams.get('did'), { withBlobs: searchParams.has('blobs') }))
  response.writeHead(200, { 'content-type': 'application/json' }).end(body)
})

// Event streams (subscribeRepos) are attached to servers that the app itself has opened: one of these takes them over.
const streams = pds.app.listen(0, '127.0.0.1')
servers.push(streams)
service.server.on('upgrade', (...given) => streams.emit('upgrade', ...given))

// --- Accounts ----------------------------------------------------------------------------------------------------------

async function createAccount(handle) {
  const { password } = options
  const response = await fetch(`${service.url}/xrpc/com.atproto.server.createAccount`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ handle, email: `${handle}@example.com`, password }),
  })
  if (!response.ok) throw new Error(`createAccount ${handle}: ${response.status} ${await response.text()}`)
  const { did, accessJwt } = await response.json()
  return { handle, did, password, accessJwt }
}

const accounts = []
for (const handle of options.accounts.split(',').filter(Boolean)) accounts.push(await createAccount(handle))

console.log(JSON.stringify({ version, url: service.url, plcUrl: plc.url, pid: process.pid, data, accounts }))
