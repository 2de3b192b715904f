"""A small Waypost agent in Python, to show the protocol: CURVE, sessions, signed batches, receipts, streams.

It keeps nothing on disk: a real agent writes down what it sends before it sends it, and what it receives before it
acknowledges (docs/PROTOCOL.md). Debian: python3-zmq, python3-nacl, python3-protobuf, protobuf-compiler. The protobuf code
is generated when the module is loaded, from the .proto files of the project or of an installation ($WAYPOST_PROTO).
"""

import hashlib
import importlib
import os
import struct
import subprocess
import sys
import tempfile
import time

import nacl.bindings
import nacl.exceptions
import nacl.signing
import zmq
from zmq.utils import z85

MAGIC = 0x31505957  # "WYP1"
CREDIT_EVENTS, CREDIT_BYTES = 256, 1 << 20


def load_proto():
    """Generate and import waypost_pb2, kinds_pb2 and register_pb2."""
    here = os.path.dirname(os.path.abspath(__file__))
    source = os.environ.get("WAYPOST_PROTO", os.path.join(here, "..", "..", "proto"))
    with tempfile.TemporaryDirectory() as out:
        names = ["waypost", "kinds", "register"]
        subprocess.run(
            ["protoc", f"--proto_path={source}", f"--python_out={out}"] + [f"{name}.proto" for name in names],
            check=True)
        sys.path.insert(0, out)
        try:
            return [importlib.import_module(f"{name}_pb2") for name in names]
        finally:
            sys.path.remove(out)


wire, kinds, book = load_proto()


class Refused(Exception):
    """The broker, or a check of ours, said no."""


def now_ms():
    return int(time.time() * 1000)


def digest(context, a, b=b""):
    """H(context, a, b) of docs/PROTOCOL.md, 2.1."""
    return hashlib.blake2b(context.encode() + b"\0" + a + b, digest_size=32).digest()


def key_id(public):
    return digest("waypost/keyid/1", public)[:8]


def event_leaf(network, event):
    return hashlib.blake2b(b"\0waypost/event/1\0" + network.encode() + b"\0" + event, digest_size=32).digest()


def node(left, right):
    return hashlib.blake2b(b"\1" + left + right, digest_size=32).digest()


def root_of(leaves):
    """RFC 6962 root."""
    if len(leaves) == 1:
        return leaves[0]
    split = 1
    while split * 2 < len(leaves):
        split *= 2
    return node(root_of(leaves[:split]), root_of(leaves[split:]))


def root_by_path(leaf, index, size, path):
    """Root to which an RFC 6962 inclusion path leads; nearest first."""
    last, value = size - 1, leaf
    for step in path:
        if last == 0:
            raise Refused("the path is too long")
        if index % 2 == 1 or index == last:
            value = node(step, value)
            while index % 2 == 0 and index != 0:
                index, last = index // 2, last // 2
        else:
            value = node(value, step)
        index, last = index // 2, last // 2
    if last != 0:
        raise Refused("the path is too short")
    return value


def check(public, context, statement, signature):
    try:
        nacl.signing.VerifyKey(public).verify(context.encode() + b"\0" + statement, signature)
    except nacl.exceptions.BadSignatureError:
        raise Refused(f"a signature over {context} does not verify") from None


def uuid7_after(last):
    """A UUIDv7 of now, in any case higher than the last one: ids of one sender rise strictly."""
    rest = bytearray(os.urandom(10))
    rest[0] = rest[0] & 0x0F | 0x70
    rest[2] = rest[2] & 0x3F | 0x80
    made = now_ms().to_bytes(6, "big") + bytes(rest)
    if made > last:
        return made
    return (int.from_bytes(last, "big") + 1).to_bytes(16, "big")


def uuid_text(data):
    text = data.hex()
    return "-".join([text[:8], text[8:12], text[12:16], text[16:20], text[20:]])


def read_pairs(path):
    """name = value lines of a ZPL file: a join file, a file of keys."""
    pairs = {}
    with open(path, encoding="utf-8") as file:
        for line in file:
            name, equals, value = line.partition("=")
            if equals and not line.lstrip().startswith("#"):
                pairs[name.strip()] = value.strip().strip('"')
    return pairs


class Agent:
    """One session with the broker that a join file names, under the keys of a key file."""

    def __init__(self, keys_path, join_path, timeout_ms=20000):
        keys, join = read_pairs(keys_path), read_pairs(join_path)
        self.name, self.network = keys["id"], join["network"]
        self.signer = nacl.signing.SigningKey(bytes.fromhex(keys["sign-secret"])[:32])
        self.head_key = bytes.fromhex(join["broker-head"])
        self.roots = [bytes.fromhex(word) for word in join["roots"].replace(",", " ").split()]
        self.threshold = int(join["threshold"])
        self.timeout_ms = timeout_ms
        self.incarnation = int.from_bytes(os.urandom(8), "big") >> 1 | 1
        self.sequence, self.counter, self.numbered = 0, 0, {}
        self.last_id = bytes(16)
        self.socket = zmq.Context.instance().socket(zmq.DEALER)
        self.socket.linger = 0
        self.socket.curve_publickey = z85.encode(bytes.fromhex(keys["curve-public"]))
        self.socket.curve_secretkey = z85.encode(bytes.fromhex(keys["curve-secret"]))
        self.socket.curve_serverkey = z85.encode(bytes.fromhex(join["broker-curve"]))
        self.socket.connect(join["endpoints"].split()[0].strip('",'))
        self.waiting = []
        self.open_session()
        self.register = self.fetch_register()

    # ---- frames ----

    def say(self, **body):
        self.socket.send(wire.Frame(magic=MAGIC, **body).SerializeToString())

    def hear(self, *wanted):
        """The next frame of one of these kinds; what comes before it is kept for later."""
        for i, (kind, message) in enumerate(self.waiting):
            if kind in wanted:
                del self.waiting[i]
                return kind, message
        while self.socket.poll(self.timeout_ms):
            frame = wire.Frame.FromString(self.socket.recv())
            kind = frame.WhichOneof("body")
            if kind == "refused":
                raise Refused(f"{frame.refused.code}: {frame.refused.text}")
            if kind in wanted:
                return kind, getattr(frame, kind)
            self.waiting.append((kind, getattr(frame, kind)))
        raise Refused(f"no {' or '.join(wanted)} came in {self.timeout_ms} ms")

    # ---- HELLO, and the register ----

    def open_session(self):
        self.say(hello=wire.Hello(
            versions=[1], network=self.network, agent=self.name, incarnation=self.incarnation,
            receipted_sequence=0, sent_sequence=0, stream_epoch=0, stream_upto=0, register_version=0,
            credit_events=CREDIT_EVENTS, credit_bytes=CREDIT_BYTES, ack_counter=0, instance=os.urandom(16)))
        _, welcome = self.hear("welcome")
        self.check_head(welcome.head)
        if welcome.stream_acked:
            raise Refused("this agent has acknowledged before: an agent that keeps a store must go on (S-25)")
        self.register_version, self.epoch, self.upto = welcome.register_version, welcome.stream_epoch, 0
        self.unsaid, self.events_unsaid = [], False
        self.running = digest("waypost/stream/1", self.network.encode() + b"\0" + self.name.encode() + b"\0"
                              + struct.pack("<Q", self.epoch))

    def fetch_register(self):
        """The signed list of who is who, believed by the roots of the join file."""
        self.say(register_get=wire.RegisterGet())
        _, answer = self.hear("register_is")
        signed = book.SignedRegister.FromString(answer.signed_register)
        good = set()
        for signature in signed.signatures:
            if signature.root in self.roots:
                check(signature.root, "waypost/register/1", signed.register, signature.signature)
                good.add(signature.root)
        if len(good) < self.threshold:
            raise Refused("the register is not signed by the roots of the join file")
        return book.Register.FromString(signed.register)

    def sign_key(self, agent, wanted):
        for row in self.register.agents:
            for key in row.keys:
                if row.id == agent and key.use == book.SIGN and key_id(key.key) == wanted:
                    return key.key
        raise Refused(f"the register holds no such key of {agent}")

    def check_head(self, head):
        check(self.head_key, "waypost/head/1", head.statement, head.signature)
        return wire.Head.FromString(head.statement)

    # ---- publishing ----

    def make_event(self, kind, transfer, origin, receiving, to, subjects, facts, occurred_ms=None):
        """Exact bytes of an event. facts: a message of the kind, MoveNotified(...) for move_notified."""
        self.sequence += 1
        self.last_id = uuid7_after(self.last_id)
        header = wire.Header(
            id=self.last_id, kind=kinds.Kind.Value("KIND_" + kind.upper()), schema=1, transfer=transfer, origin=origin,
            receiving=receiving, occurred_ms=occurred_ms or now_ms(), sent_ms=now_ms(), incarnation=self.incarnation,
            sequence=self.sequence, **{"from": self.name})
        for ref, case_type in subjects:
            header.subjects.add(ref=ref, case_type=case_type)
        for code in to:
            self.numbered[code] = self.numbered.get(code, 0) + 1
            header.to.add(code=code, n=self.numbered[code])
        return wire.Event(header=header, facts=kinds.Facts(**{kind: facts})).SerializeToString()

    def publish(self, events):
        """One signed batch of events made in a row. Returns the receipt, checked as it would be offline."""
        leaves = [event_leaf(self.network, event) for event in events]
        statement = wire.BatchStatement(
            network=self.network, agent=self.name, key_id=key_id(bytes(self.signer.verify_key)),
            incarnation=self.incarnation, first_sequence=self.sequence - len(events) + 1, count=len(events),
            root=root_of(leaves)).SerializeToString()
        signature = self.signer.sign(b"waypost/batch/1\0" + statement).signature
        self.say(publish=wire.Publish(
            batch=wire.Signed(statement=statement, signature=signature), register_version=self.register_version,
            events=[wire.PublishedEvent(event=event) for event in events]))
        _, receipt = self.hear("receipt")
        self.check_receipt(receipt, statement, signature)
        return receipt

    def check_receipt(self, receipt, statement, signature):
        head = self.check_head(receipt.head)
        if receipt.statement_hash != digest("waypost/statement/1", statement, signature):
            raise Refused("the receipt is for another batch")
        leaf = hashlib.blake2b(
            b"\0waypost/record/1\0" + self.network.encode() + b"\0\2"
            + struct.pack("<QQ", receipt.leaf_index, receipt.accepted_ms) + receipt.statement_hash,
            digest_size=32).digest()
        if root_by_path(leaf, receipt.leaf_index, head.size, receipt.path) != head.root:
            raise Refused("the receipt does not lead to the signed head")

    # ---- receiving ----

    def receive(self):
        """The next entries of the stream, checked and in order: a list of (number, what, value)."""
        _, deliver = self.hear("deliver")
        taken = []
        for i, entry in enumerate(deliver.entries):
            number = deliver.first + i
            if number <= self.upto:
                continue
            if number != self.upto + 1:
                raise Refused(f"entry {number} came where {self.upto + 1} should")
            what = entry.WhichOneof("what")
            value, kind, item = self.check_entry(deliver, what, getattr(entry, what))
            self.running = digest("waypost/entry/1", self.running + struct.pack("<QB", number, kind) + item)
            self.upto = number
            self.unsaid.append(self.running)
            self.events_unsaid |= what == "event"
            taken.append((number, what, value))
        return taken

    def check_entry(self, deliver, what, entry):
        """Value, type and item of the running hash (S-22)."""
        if what == "event":
            batch = deliver.batches[entry.batch].batch
            statement = wire.BatchStatement.FromString(batch.statement)
            check(self.sign_key(statement.agent, statement.key_id), "waypost/batch/1", batch.statement, batch.signature)
            leaf = event_leaf(self.network, entry.event)
            if root_by_path(leaf, entry.index, statement.count, entry.path) != statement.root:
                raise Refused("an event does not lead to the root that its sender signed")
            return entry, 1, leaf
        if what == "record":
            return wire.Derived.FromString(entry.record), 2, digest("waypost/body/1", entry.record)
        if what == "ack":
            return entry, 3, digest("waypost/statement/1", entry.ack.statement, entry.ack.signature)
        return entry, 4, digest("waypost/held/1", entry.event)

    def acknowledge(self):
        """Say that everything received so far is safe (A1). Here it is only printed: a real agent has synced it."""
        self.counter += 1
        named = {}
        if self.events_unsaid:  # S-18a: each sender will be shown that its events are among these entries
            named["received_after"] = self.upto - len(self.unsaid)
            if len(self.unsaid) > 1:
                named["received_root"] = root_of(self.unsaid)
        self.unsaid, self.events_unsaid = [], False
        statement = wire.AckStatement(
            network=self.network, agent=self.name, key_id=key_id(bytes(self.signer.verify_key)),
            stream_epoch=self.epoch, upto=self.upto, running_hash=self.running, counter=self.counter,
            persisted=[wire.PersistedRun(upto=self.upto, at_ms=now_ms())], **named).SerializeToString()
        signature = self.signer.sign(b"waypost/ack/1\0" + statement).signature
        self.say(ack=wire.Signed(statement=statement, signature=signature))
        _, acked = self.hear("acked")
        return acked.upto

    def close(self):
        self.say(bye=wire.Bye())
        self.socket.close(linger=1000)
