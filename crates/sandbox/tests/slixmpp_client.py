"""A client of the sandbox's notification service that shares no code with it: tells line by line what comes.

Usage: slixmpp_client.py PORT JID PASSWORD NODE
"""

import asyncio
import sys

import slixmpp


class Client(slixmpp.ClientXMPP):
    def __init__(self, jid, password, node, service):
        super().__init__(
            jid, password, sasl_mech="PLAIN",
            plugin_config={"feature_mechanisms": {"unencrypted_plain": True}},
        )
        self.enable_plaintext = True
        self.enable_starttls = False
        self.enable_direct_tls = False
        for plugin in ("xep_0030", "xep_0060", "xep_0199"):
            self.register_plugin(plugin)
        self.node, self.service = node, service
        self.events = asyncio.Queue()
        self.add_event_handler("session_start", self.start)
        self.add_event_handler("failed_auth", lambda _: say("refused"))
        self.register_handler(slixmpp.xmlstream.handler.Callback(
            "events",
            slixmpp.xmlstream.matcher.MatchXPath(
                "{jabber:client}message/{http://jabber.org/protocol/pubsub#event}event"),
            self.events.put_nowait,
        ))

    async def start(self, _):
        try:
            await self.talk()
        except slixmpp.exceptions.IqError as error:
            say("error", error.condition)
        except slixmpp.exceptions.IqTimeout:
            say("no answer")
        await self.disconnect()

    async def talk(self):
        self.send_presence(ppriority=1)
        roster = await self.get_roster()
        say("roster", len(roster["roster"]["items"]))
        info = await self.plugin["xep_0030"].get_info(jid=self.service)
        say("service", *sorted(f"{category}/{kind}" for category, kind, _, _ in info["disco_info"]["identities"]))
        items = await self.plugin["xep_0030"].get_items(jid=self.boundjid.domain)
        say("items", *sorted(item[0] for item in items["disco_items"]["items"]))
        await self.plugin["xep_0199"].ping(jid=self.boundjid.domain)
        pubsub = self.plugin["xep_0060"]
        answer = await pubsub.subscribe(self.service, self.node, bare=False)
        say("subscribed", answer["pubsub"]["subscription"]["subscription"])
        event = await self.events.get()
        notification = event.xml.find(
            "{http://jabber.org/protocol/pubsub#event}event/{*}items/{*}item/{*}notification")
        say("event", event["from"], notification.text)
        answer = await pubsub.get_subscriptions(self.service)
        for one in answer["pubsub"]["subscriptions"]:
            say("listed", one["node"], one["jid"])
        await pubsub.unsubscribe(self.service, self.node, bare=False)
        say("unsubscribed")


def say(*words):
    print(*words, flush=True)


async def main():
    port, jid, password, node = sys.argv[1:]
    client = Client(jid, password, node, "pubsub." + slixmpp.JID(jid).domain)
    client.connect("127.0.0.1", int(port))
    await client.disconnected
    say("gone")


asyncio.run(asyncio.wait_for(main(), 30))
