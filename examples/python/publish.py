#!/usr/bin/python3
"""Publish a notice of a move and print it as a CloudEvent, with its receipt.

    publish.py --keys E09000019.keys --join network.join --to E09000007 [--count N]
"""

import argparse
import json
import os

import cloudevents
from waypost import Agent, kinds, uuid_text


def main():
    parser = argparse.ArgumentParser(description="Publish a notice of a move with an agent's keys.")
    parser.add_argument("--keys", required=True, help="the agent's key file (waypost keygen)")
    parser.add_argument("--join", required=True, help="join file of the network")
    parser.add_argument("--to", required=True, help="code of the authority that the child moves to")
    parser.add_argument("--count", type=int, default=1, help="how many events, in one batch")
    options = parser.parse_args()
    agent = Agent(options.keys, options.join)
    transfer, child = os.urandom(16), os.urandom(16)
    facts = kinds.MoveNotified(permanence=kinds.PERMANENCE_PERMANENT, retain_intention=kinds.RETAIN_INTENTION_TRANSFER)
    events = [
        agent.make_event("move_notified" if i == 0 else "case_file_opened", transfer, agent.name, options.to,
                         [options.to], [(child, kinds.CASE_TYPE_CP)], facts if i == 0 else kinds.CaseFileOpened())
        for i in range(options.count)]
    receipt = agent.publish(events)
    for event in events:
        print(json.dumps(cloudevents.write(agent.network, event)))
    print(json.dumps({"accepted": cloudevents.stamp(receipt.accepted_ms), "entry": receipt.leaf_index,
                      "transfer": uuid_text(transfer)}))
    agent.close()


if __name__ == "__main__":
    main()
