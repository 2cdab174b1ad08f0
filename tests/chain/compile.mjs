// SPDX-License-Identifier: Apache-2.0
// compile.mjs OUT [--check] -- compiles spec/contract/*.sol; OUT/NAME.json gets what chain.py needs.
// --check compares the ABIs with the committed ones; --write-abi replaces those.
import fs from "node:fs";
import path from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import solc from "solc";

const SPEC = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "../../spec/contract");
const NAMES = ["PrivacySettingData", "SessionData"];
// The same source gives the same bytes anywhere: no hash of metadata in them.  paris: no PUSH0, which
// some networks do not have.
const SETTINGS = {
  evmVersion: "paris",
  optimizer: { enabled: true, runs: 200 },
  metadata: { bytecodeHash: "none", appendCBOR: false },
  outputSelection: { "*": { "": ["ast"], "*": ["abi", "evm.bytecode.object", "evm.methodIdentifiers"] } },
};

function compile() {
  const read = (name) => ({ content: fs.readFileSync(path.join(SPEC, `${name}.sol`), "utf8") });
  const output = JSON.parse(solc.compile(JSON.stringify({
    language: "Solidity",
    sources: Object.fromEntries(NAMES.map((name) => [`${name}.sol`, read(name)])),
    settings: SETTINGS,
  })));
  // A warning counts as an error, as with the C compilers.
  if (output.errors?.length)
    throw new Error(output.errors.map((error) => error.formattedMessage).join("\n"));
  return output;
}

// The selectors of errors and the topics of events, which only the syntax tree has: {signature: hex}.
function selectors(abi, nodes, type, key) {
  const signature = (name) => {
    const entry = abi.find((item) => item.type === type && item.name === name);
    return `${name}(${entry.inputs.map((input) => input.type).join(",")})`;
  };
  return Object.fromEntries(nodes.filter((node) => node[key]).map((node) => [signature(node.name), node[key]]));
}

function artifact(output, name) {
  const { abi, evm } = output.contracts[`${name}.sol`][name];
  const tree = output.sources[`${name}.sol`].ast.nodes.find((node) => node.name === name).nodes;
  return {
    abi,
    bytecode: evm.bytecode.object,
    methodIdentifiers: evm.methodIdentifiers,
    errors: selectors(abi, tree, "error", "errorSelector"),
    events: selectors(abi, tree, "event", "eventSelector"),
  };
}

const text = (value) => JSON.stringify(value, null, 2) + "\n";

// Renamed into place: tests that compile at the same time never read half a file.
function write(file, value) {
  fs.writeFileSync(`${file}.${process.pid}`, text(value));
  fs.renameSync(`${file}.${process.pid}`, file);
}

const [out, option = ""] = process.argv.slice(2);
if (!out || !["", "--check", "--write-abi"].includes(option)) {
  console.error("usage: compile.mjs OUT [--check | --write-abi]");
  process.exit(1);
}
const output = compile();
fs.mkdirSync(out, { recursive: true });
for (const name of NAMES) {
  const made = artifact(output, name);
  const committed = path.join(SPEC, `${name}.abi.json`);
  write(path.join(out, `${name}.json`), made);
  if (option === "--write-abi")
    write(committed, made.abi);
  if (option === "--check" && fs.readFileSync(committed, "utf8") !== text(made.abi)) {
    console.error(`${committed} is not the compiler's: node tests/chain/compile.mjs ${out} --write-abi`);
    process.exitCode = 1;
  }
}
console.log(`solc ${solc.version()}: ${NAMES.join(", ")}`);
