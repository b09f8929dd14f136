// Adds a bearer token to every request, for clients that cannot send one.
//   node auth-proxy.mjs ORIGIN TOKEN PORTFILE
import fs from 'node:fs';
import http from 'node:http';

const [origin, token, portFile] = process.argv.slice(2);
const target = new URL(origin);
const server = http.createServer((req, res) => {
  const onward = http.request({
    host: target.hostname, port: target.port, method: req.method, path: req.url,
    headers: { authorization: `Bearer ${token}` },
  }, (answer) => {
    res.writeHead(answer.statusCode, answer.headers);
    answer.pipe(res);
  });
  onward.on('error', () => res.destroy());
  req.pipe(onward);
});
server.listen(0, '127.0.0.1', () => fs.writeFileSync(portFile, String(server.address().port)));
