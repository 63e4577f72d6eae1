// Uploads a file with tus-js-client, and tells in lines of JSON how that goes.
//
// node upload.js MODULES '{"file": ..., "protocol": ..., "endpoint": ..., "headers": {...}, ...}'

const fs = require('fs')
const path = require('path')
const stream = require('stream')

const [, , modules, wish] = process.argv
const tus = require(path.join(modules, 'tus-js-client'))
const { file, ...options } = JSON.parse(wish)

function tell(what) {
  fs.writeSync(1, `${JSON.stringify(what)}\n`)
}

// Of a file the client knows the length all the same, and then announces too long a last part.
const bytes = fs.createReadStream(file)
const source = options.uploadLengthDeferred ? bytes.pipe(new stream.PassThrough()) : bytes

const upload = new tus.Upload(source, {
  retryDelays: Array(200).fill(100),
  metadata: { filename: path.basename(file), filetype: 'image/jpeg' },
  ...options,
  onProgress(sent) {
    tell({ sent })
  },
  onChunkComplete(size, accepted) {
    tell({ accepted })
  },
  onShouldRetry() {
    tell({ retry: true })
    return true
  },
  onError(error) {
    tell({ error: String(error) })
    process.exit(1)
  },
  onSuccess(payload) {
    const response = payload.lastResponse
    tell({
      url: upload.url,
      location: response.getHeader('Content-Location') || response.getHeader('Location'),
    })
  },
})
upload.start()
