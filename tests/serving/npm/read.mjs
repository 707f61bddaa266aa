// Reads a server with @atproto/api, and verifies what it gives with @atproto/repo.
// stdin: {url, did, collection, rkey, cid}; stdout: what was found, as JSON.
// node read.mjs
import { createHash } from 'node:crypto'
import { text } from 'node:stream/consumers'
import { AtpAgent } from '@atproto/api'
import { verifyRecords, verifyRepoCar } from '@atproto/repo'

const { url, did, collection, rkey, cid } = JSON.parse(await text(process.stdin))
const agent = new AtpAgent({ service: url })
const { repo, sync, identity } = agent.com.atproto

const keys = []
let cursor
do {
  const { data } = await repo.listRecords({ repo: did, collection, limit: 40, cursor })
  keys.push(...data.records.map((record) => record.uri.split('/').at(-1)))
  cursor = data.cursor
} while (cursor)

const { data: described } = await repo.describeRepo({ repo: did })
const key = `did:key:${described.didDoc.verificationMethod[0].publicKeyMultibase}`
const { data: car } = await sync.getRepo({ did })
const verified = await verifyRepoCar(car, did, key)
const { data: proof } = await sync.getRecord({ did, collection, rkey })
const claims = await verifyRecords(proof, did, key)
const { data: absence } = await sync.getRecord({ did, collection, rkey: 'none' })
const { data: record } = await repo.getRecord({ repo: described.handle, collection, rkey })
const blob = await sync.getBlob({ did, cid })
const { data: blobs } = await sync.listBlobs({ did })
const { data: commit } = await sync.getLatestCommit({ did })
const failure = await repo.getRecord({ repo: did, collection, rkey: 'none' }).catch((error) => error)
const unknown = await agent.app.bsky.actor.getProfile({ actor: did }).catch((error) => error)

console.log(
  JSON.stringify({
    keys,
    writes: verified.creates.length,
    commit: [verified.commit.cid.toString() === commit.cid, verified.commit.rev === commit.rev],
    claims: claims.map((claim) => [claim.collection, claim.rkey, claim.record.text]),
    absent: (await verifyRecords(absence, did, key)).map((claim) => claim.rkey),
    text: record.value.text,
    blob: [blob.headers['content-type'], createHash('sha256').update(blob.data).digest('hex')],
    blobs: blobs.cids,
    resolved: (await identity.resolveHandle({ handle: described.handle })).data.did,
    errors: [failure, unknown].map((error) => [error.status, error.error]),
  }),
)
