// Uploads a file by PUT to a signed URL as the IETF's draft has it, with nothing but node's HTTP.
//
// node rufh_client.js '{"url": ..., "file": ..., "version": 6, "breakAfter": [bytes, ...]}'
//
// After each of these many bytes of a request it cuts the connection, and goes on where the upload is.

const fs = require('fs')
const http = require('http')

const { url, file, version, breakAfter } = JSON.parse(process.argv[2])
const data = fs.readFileSync(file)
const seen = { interim: [], offsets: [], statuses: [] }
let upload = null

function fields(more) {
  return { 'Upload-Draft-Interop-Version': String(version), ...more }
}

function complete(done) {
  return version === 3
    ? { 'Upload-Incomplete': done ? '?0' : '?1' }
    : { 'Upload-Complete': done ? '?1' : '?0' }
}

function ask(method, target, headers, body, cut) {
  return new Promise((resolve, reject) => {
    const request = http.request(target, { method, headers, agent: false })
    request.on('information', (info) => {
      seen.interim.push(info.statusCode)
      if (info.headers.location) upload = info.headers.location
      if (cut !== undefined && upload) setTimeout(() => request.destroy(), 300)
    })
    request.on('response', (response) => {
      response.resume()
      response.on('end', () => resolve(response))
    })
    request.on('error', reject)
    if (body === null) {
      request.end()
    } else if (cut === undefined) {
      request.end(body)
    } else {
      request.write(body.subarray(0, cut))
      if (method === 'PATCH') setTimeout(() => request.destroy(), 300)
    }
  })
}

async function main() {
  const breaks = [...breakAfter]
  let answer = null
  try {
    const headers = fields({ 'Content-Length': data.length, ...complete(true) })
    answer = await ask('PUT', url, headers, data, breaks.shift())
  } catch (error) {
    if (!upload) throw error
  }
  while (answer === null) {
    const state = await ask('HEAD', upload, fields({}), null)
    const offset = Number(state.headers['upload-offset'])
    seen.offsets.push(offset)
    const rest = data.subarray(offset)
    const headers = fields({
      'Content-Type': 'application/partial-upload',
      'Content-Length': rest.length,
      'Upload-Offset': offset,
      ...complete(true),
    })
    try {
      answer = await ask('PATCH', upload, headers, rest, breaks.shift())
    } catch (error) {
      seen.statuses.push(String(error.code))
    }
  }
  console.log(JSON.stringify({ ...seen, status: answer.statusCode, headers: answer.headers }))
}

main().catch((error) => {
  console.error(error)
  process.exit(1)
})
