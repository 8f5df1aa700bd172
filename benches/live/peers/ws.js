// `node ws.js PORT`: what one writes with `ws`. GET upgrades, POST broadcasts its body. `npm install ws` beside this file.
const http = require('http');
const { WebSocketServer } = require('ws');

const server = http.createServer((request, response) => {
  const parts = [];
  request.on('data', (part) => parts.push(part));
  request.on('end', () => {
    const message = Buffer.concat(parts).toString();
    for (const client of sockets.clients) client.send(message);
    response.writeHead(200, { 'Content-Length': 0 });
    response.end();
  });
});
const sockets = new WebSocketServer({ server, perMessageDeflate: false });
server.listen({ port: Number(process.argv[2]), host: '127.0.0.1', backlog: 1024 });
