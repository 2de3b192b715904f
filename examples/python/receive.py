#!/usr/bin/python3
"""Receive events, print each as a CloudEvent, and acknowledge what was printed.

    receive.py --keys E08000035.keys --join network.join [--count N]

Records (verdicts, clocks) and other agents' acknowledgements are printed as lines of their own.
"""

import argparse
import json
import sys

import cloudevents
from waypost import Agent, uuid_text, wire

VERDICTS = ["unjudged", "effective", "alert", "refused", "held"]


def show(agent, number, what, value):
    if what == "event":
        event = dict(cloudevents.write(agent.network, value.event), waypostverdict=VERDICTS[value.verdict])
        print(json.dumps(event))
    elif what == "record":
        print(json.dumps({"number": number, "record": wire.SystemKind.Name(value.kind).lower(), "clock": value.clock,
                          "rule": value.rule, "detail": value.detail}))
    elif what == "ack":
        for item in value.events:
            print(json.dumps({"number": number, "acknowledged": uuid_text(item.event), "by": value.code,
                              "level": item.level}))


def main():
    parser = argparse.ArgumentParser(description="Receive events with an agent's keys.")
    parser.add_argument("--keys", required=True, help="the agent's key file (waypost keygen)")
    parser.add_argument("--join", required=True, help="join file of the network")
    parser.add_argument("--count", type=int, default=1, help="end after so many events")
    options = parser.parse_args()
    agent = Agent(options.keys, options.join)
    print("listening", file=sys.stderr, flush=True)
    left = options.count
    while left > 0:
        for number, what, value in agent.receive():
            show(agent, number, what, value)
            left -= what == "event"
        sys.stdout.flush()
        agent.acknowledge()
    agent.close()


if __name__ == "__main__":
    main()
