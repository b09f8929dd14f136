// Writes a publication: the role ROLE with COUNT targets over 2^BITS succinct bins, signed here.
//   node many-targets.mjs ROLE HWID COUNT BITS KEY VERSION > publication.json
// KEY.key and KEY.pub are the role's one key. What is signed is canonical JSON: ASCII, sorted keys.
import crypto from 'node:crypto';
import fs from 'node:fs';

const [role, hwid, countText, bitsText, keyFile, versionText] = process.argv.slice(2);
const count = Number(countText), bits = Number(bitsText), version = Number(versionText);
const { keyid, key } = JSON.parse(fs.readFileSync(`${keyFile}.pub`, 'utf8'));
const seed = Buffer.from(fs.readFileSync(`${keyFile}.key`, 'utf8').trim().split(' ')[1], 'hex');
// PKCS#8 of an Ed25519 private key (RFC 8410): a fixed head, then the 32 bytes.
const secret = crypto.createPrivateKey({
  key: Buffer.concat([Buffer.from('302e020100300506032b657004220420', 'hex'), seed]), format: 'der', type: 'pkcs8',
});

function canonical(value) {
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`;
  if (value && typeof value === 'object')
    return `{${Object.keys(value).sort().map((k) => `${canonical(k)}:${canonical(value[k])}`).join(',')}}`;
  return JSON.stringify(value);
}
const sha256 = (text) => crypto.createHash('sha256').update(text).digest();
const expires = new Date(Date.now() + 300 * 86400e3).toISOString().replace(/\.\d+Z$/, 'Z');
const digits = Math.ceil(bits / 4);
const prefix = `${role}.${bits}`;
const name = (bin) => `${prefix}-${bin.toString(16).padStart(digits, '0')}`;

const bins = Array.from({ length: 2 ** bits }, () => ({}));
for (let i = 1; i <= count; i++) {
  const path = `os/${hwid}/${i}/rootfs.img`;
  const bin = sha256(path).readUInt32BE(0) >>> (32 - bits);
  bins[bin][path] = {
    length: 1, hashes: { sha256: sha256(String(i % 10)).toString('hex') },
    custom: {
      type: 'os', payload: { format: 'raw' },
      match: { name: 'base-os', version: String(i), hwids: [hwid], release_counter: 100 + i, security_epoch: 0 },
    },
  };
}
const documents = [];
const add = (role_, signed) => {
  const text = canonical({ _type: 'targets', spec_version: '1.0.31', version: role_ === role ? version : 1, expires, ...signed });
  const sig = crypto.sign(null, Buffer.from(text), secret).toString('hex');
  documents.push({ repository: 'image', role: role_, text: `{"signatures":[{"keyid":"${keyid}","sig":"${sig}"}],"signed":${text}}` });
};
add(role, {
  targets: {},
  delegations: {
    keys: { [keyid]: key },
    succinct_roles: { keyids: [keyid], threshold: 1, bit_length: bits, name_prefix: prefix },
  },
});
bins.forEach((targets, bin) => add(name(bin), { targets }));
console.log(JSON.stringify({ documents }));
