//! Tests of the codec: what is read from a stream, what is refused, and that both ends of it agree.

use expect_test::{Expect, expect};
use proptest::prelude::{Just, Strategy, any, prop, prop_oneof, proptest};

use crate::{Decoder, Frame, Framing, Limits, Malformed, Node, Unwritable, ns};

const HEADER: &str = "<?xml version='1.0'?><stream:stream from='abc.inc' id='1' xmlns='jabber:client' \
                      xmlns:stream='http://etherx.jabber.org/streams' version='1.0'>";

/// Reads all of it, in pieces of so many bytes.
fn read(decoder: &mut Decoder, bytes: &[u8], piece: usize) -> (Vec<Frame>, Option<Malformed>) {
    let mut frames = Vec::new();
    for mut piece in bytes.chunks(piece) {
        loop {
            match decoder.next(&mut piece) {
                Ok(Some(frame)) => frames.push(frame),
                Ok(None) => break,
                Err(malformed) => return (frames, Some(malformed)),
            }
        }
    }
    (frames, None)
}

#[expect(clippy::needless_pass_by_value, reason = "`check(…, expect![…])` reads best")]
fn check(framing: Framing, messages: &[&str], expected: Expect) {
    let mut decoder = framing.decoder(Limits::default());
    let mut shown = String::new();
    for message in messages {
        let (frames, malformed) = read(&mut decoder, message.as_bytes(), 7);
        for frame in frames {
            shown.push_str(&match frame {
                Frame::Open(node) => format!("open {node:?}\n"),
                Frame::Stanza(node) => format!("{node:?}\n"),
                Frame::Close => "close\n".to_owned(),
            });
        }
        let malformed = malformed.map_or_else(
            || match framing {
                Framing::WebSocket => decoder.end_of_message(),
                Framing::Stream => Ok(()),
            },
            Err,
        );
        if let Err(malformed) = malformed {
            shown.push_str(&format!("error: {malformed}\n"));
            break;
        }
    }
    expected.assert_eq(&shown);
}

#[test]
fn reads_a_stream() {
    check(
        Framing::Stream,
        &[
            HEADER,
            "<stream:features><mechanisms xmlns='urn:ietf:params:xml:ns:xmpp-sasl'><mechanism>PLAIN</mechanism></mechanisms></stream:features>",
            " \n ",
            "<message x:type='error' xmlns:x='urn:x' xml:lang='en'><body>a &amp; b<!-- c --><![CDATA[<d>]]></body></message>",
            "<p:a xmlns:p='urn:p' xmlns=''><b/></p:a>",
            "</stream:stream>",
            "<anything",
        ],
        expect![[r#"
            open <stream xmlns='http://etherx.jabber.org/streams' from='abc.inc' id='1' version='1.0'/>
            <features xmlns='http://etherx.jabber.org/streams'><mechanisms xmlns='urn:ietf:params:xml:ns:xmpp-sasl'><mechanism>…</mechanism></mechanisms></features>
            <message xmlns='jabber:client'><body>a &amp; b&lt;d&gt;</body></message>
            <a xmlns='urn:p'><b xmlns=''/></a>
            close
        "#]],
    );
}

#[test]
fn reads_messages_of_a_web_socket() {
    check(
        Framing::WebSocket,
        &[
            "<open xmlns='urn:ietf:params:xml:ns:xmpp-framing' from='abc.inc' id='1' version='1.0'/>",
            "<stream:features><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/></stream:features>",
            "<stream:features xmlns:stream='http://etherx.jabber.org/streams'/>",
            "<iq type='result'/>\n",
            "<iq xmlns='jabber:client' type='result'/>",
            "<close xmlns='urn:ietf:params:xml:ns:xmpp-framing'/>",
        ],
        expect![[r#"
            open <open xmlns='urn:ietf:params:xml:ns:xmpp-framing' from='abc.inc' id='1' version='1.0'/>
            <features xmlns='http://etherx.jabber.org/streams'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/></features>
            <features xmlns='http://etherx.jabber.org/streams'/>
            <iq xmlns='jabber:client' type='result'/>
            <iq xmlns='jabber:client' type='result'/>
            close
        "#]],
    );
    check(
        Framing::WebSocket,
        &["<iq><a>", "</a></iq>"],
        expect![[r#"
        error: a message is not a whole stanza
    "#]],
    );
    check(
        Framing::WebSocket,
        &["<iq/><iq"],
        expect![[r#"
        <iq xmlns='jabber:client'/>
        error: a message is not a whole stanza
    "#]],
    );
    check(
        Framing::WebSocket,
        &["<iq/> <"],
        expect![[r#"
        <iq xmlns='jabber:client'/>
        error: a message is not a whole stanza
    "#]],
    );
    check(
        Framing::WebSocket,
        &["<iq/></stream:stream>"],
        expect![[r#"
        <iq xmlns='jabber:client'/>
        error: a message closes what it has not opened
    "#]],
    );
    check(
        Framing::WebSocket,
        &["<?xml version='1.0'?><iq/>"],
        expect![[r#"
        error: it is not XML: restricted xml: processing instructions
    "#]],
    );
}

#[test]
fn refuses_what_is_no_stream() {
    check(
        Framing::Stream,
        &[HEADER, "text"],
        expect![[r#"
            open <stream xmlns='http://etherx.jabber.org/streams' from='abc.inc' id='1' version='1.0'/>
            error: there is text where an element should begin
        "#]],
    );
    check(
        Framing::Stream,
        &[HEADER, "text<a/>"],
        expect![[r#"
            open <stream xmlns='http://etherx.jabber.org/streams' from='abc.inc' id='1' version='1.0'/>
            error: there is text where an element should begin
        "#]],
    );
    check(
        Framing::Stream,
        &["HTTP/1.1 400 Bad Request\r\n"],
        expect![[r#"
        error: there is text where an element should begin
    "#]],
    );
    check(
        Framing::Stream,
        &["<!DOCTYPE a><a/>"],
        expect![[r#"
        error: it is not XML: invalid syntax: malformed cdata or comment section start
    "#]],
    );
    check(
        Framing::Stream,
        &[HEADER, "<?php ?>"],
        expect![[r#"
        open <stream xmlns='http://etherx.jabber.org/streams' from='abc.inc' id='1' version='1.0'/>
        error: it is not XML: restricted xml: processing instructions
    "#]],
    );
    check(
        Framing::Stream,
        &[HEADER, "<a>&nbsp;</a>"],
        expect![[r#"
        open <stream xmlns='http://etherx.jabber.org/streams' from='abc.inc' id='1' version='1.0'/>
        error: it is not XML: use of undeclared entity
    "#]],
    );
    check(
        Framing::Stream,
        &[HEADER, "<a></b>"],
        expect![[r#"
        open <stream xmlns='http://etherx.jabber.org/streams' from='abc.inc' id='1' version='1.0'/>
        error: it is not XML: start and end tag do not match
    "#]],
    );
    check(
        Framing::Stream,
        &[HEADER, "<p:a/>"],
        expect![[r#"
        open <stream xmlns='http://etherx.jabber.org/streams' from='abc.inc' id='1' version='1.0'/>
        error: it is not XML: use of undeclared namespace prefix in name name
    "#]],
    );
    check(
        Framing::Stream,
        &[HEADER, "<a>\u{0}</a>"],
        expect![[r#"
        open <stream xmlns='http://etherx.jabber.org/streams' from='abc.inc' id='1' version='1.0'/>
        error: it is not XML: invalid codepoint U+0 in text node
    "#]],
    );
    let long = format!("<a b='{}'/>", "c".repeat(9000));
    check(
        Framing::Stream,
        &[HEADER, &long],
        expect![[r#"
        open <stream xmlns='http://etherx.jabber.org/streams' from='abc.inc' id='1' version='1.0'/>
        error: it is not XML: restricted xml: long name or reference
    "#]],
    );
}

#[test]
fn a_stanza_is_bounded() {
    let refused = |stanza: &str| {
        let mut decoder = Framing::Stream.decoder(Limits::default());
        let (frames, malformed) = read(&mut decoder, format!("{HEADER}{stanza}").as_bytes(), 4096);
        assert_eq!(frames.len(), 1);
        // It stays so.
        assert_eq!(decoder.next(&mut &b"<a/>"[..]), Err(malformed.clone().unwrap()));
        malformed
    };
    let nested = |depth: usize| format!("{}{}", "<a>".repeat(depth), "</a>".repeat(depth));
    let (frames, malformed) = read(
        &mut Framing::Stream.decoder(Limits::default()),
        format!("{HEADER}{}", nested(32)).as_bytes(),
        4096,
    );
    assert_eq!((frames.len(), malformed), (2, None));
    assert_eq!(refused(&nested(33)), Some(Malformed::Depth(32)));
    assert_eq!(refused(&nested(100_000)), Some(Malformed::Depth(32)));
    assert_eq!(
        refused(&format!("<a>{}</a>", "<b/>".repeat(20_000))),
        Some(Malformed::Nodes(20_000))
    );
    let text = format!("<a>{}</a>", "&amp;".repeat(1 << 18));
    assert_eq!(refused(&text), Some(Malformed::Bytes(1 << 20)));
    let attributes: String = (0..200_000).map(|n| format!(" a{n}=''")).collect();
    assert_eq!(
        refused(&format!("<a{attributes}/>")),
        Some(Malformed::Bytes(1 << 20))
    );
    let attributes: String = (0..20_000).map(|n| format!(" a{n}=''")).collect();
    assert_eq!(
        refused(&format!("<a{attributes}/>")),
        Some(Malformed::Nodes(20_000))
    );
    let comment = format!("<!--{}-->", "c".repeat(2 << 20));
    assert_eq!(refused(&comment), Some(Malformed::Bytes(1 << 20)));
}

#[test]
fn white_space_between_stanzas_is_free_and_a_stanza_costs_the_next_one_nothing() {
    let mut decoder = Framing::Stream.decoder(Limits::default());
    let (frames, malformed) = read(&mut decoder, HEADER.as_bytes(), 4096);
    assert_eq!((frames.len(), malformed), (1, None));
    let blank = " ".repeat(2 << 20);
    assert_eq!(read(&mut decoder, blank.as_bytes(), 1 << 16), (Vec::new(), None));
    let half = format!("<a>{}</a>", "x".repeat(700_000));
    for _ in 0..3 {
        let (frames, malformed) = read(&mut decoder, half.as_bytes(), 1 << 16);
        assert_eq!((frames.len(), malformed), (1, None));
    }
    // A stanza has its whole length, whatever blanks are before it.
    let whole = format!("{}<a>{}</a>", " ".repeat(8000), "x".repeat((1 << 20) - 1000));
    let (frames, malformed) = read(&mut decoder, whole.as_bytes(), usize::MAX);
    assert_eq!((frames.len(), malformed), (1, None));
    // And its whole number of elements, whatever came before it.
    let many = "<a><b/><b/></a>".repeat(10_000);
    let (frames, malformed) = read(&mut decoder, many.as_bytes(), 1 << 16);
    assert_eq!((frames.len(), malformed), (10_000, None));
    // One slice that holds it all is no other than many.
    let endless = format!("<a>{}", "x".repeat(50_000_000));
    let (_, malformed) = read(&mut decoder, endless.as_bytes(), usize::MAX);
    assert_eq!(malformed, Some(Malformed::Bytes(1 << 20)));
}

#[test]
fn nothing_counts_behind_the_footer() {
    let mut decoder = Framing::Stream.decoder(Limits::default());
    let input = format!("{HEADER}</stream:stream><a/>&");
    let mut rest = input.as_bytes();
    assert!(matches!(decoder.next(&mut rest), Ok(Some(Frame::Open(_)))));
    assert_eq!(decoder.next(&mut rest), Ok(Some(Frame::Close)));
    assert_eq!(decoder.next(&mut rest), Ok(None));
    assert!(rest.is_empty());
}

#[test]
fn writes_what_xml_can_carry_and_nothing_else() {
    let node = Node::new(ns::CLIENT, "message")
        .with("to", "a&<>\"'\t\n\r")
        .child(Node::new("", "b").text("a&<>\"'\t\n\r"));
    expect![[r#"
        <message to='a&amp;&lt;&gt;&quot;&apos;&#x9;&#xa;&#xd;'><b xmlns=''>a&amp;&lt;&gt;&quot;&apos;	
        &#xd;</b></message>"#]]
    .assert_eq(&Framing::Stream.stanza(&node).unwrap());
    expect![[r#"
        <message xmlns='jabber:client' to='a&amp;&lt;&gt;&quot;&apos;&#x9;&#xa;&#xd;'><b xmlns=''>a&amp;&lt;&gt;&quot;&apos;	
        &#xd;</b></message>"#]].assert_eq(&Framing::WebSocket.stanza(&node).unwrap());
    let features = Node::new(ns::STREAMS, "features").child(Node::new(ns::BIND, "bind"));
    expect!["<stream:features><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/></stream:features>"]
        .assert_eq(&Framing::Stream.stanza(&features).unwrap());
    expect!["<stream:features xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/></stream:features>"].assert_eq(&Framing::WebSocket.stanza(&features).unwrap());
    let header = |framing: Framing| framing.header(&[("to", "a'b")]).unwrap();
    expect!["<stream:stream to='a&apos;b' xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' version='1.0'>"].assert_eq(&header(Framing::Stream));
    expect!["<open xmlns='urn:ietf:params:xml:ns:xmpp-framing' to='a&apos;b' version='1.0'/>"]
        .assert_eq(&header(Framing::WebSocket));
    for (node, unwritable) in [
        (Node::new("", "a").text("\0"), Unwritable::Character('\0')),
        (
            Node::new("", "a").with("b", "\u{ffff}"),
            Unwritable::Character('\u{ffff}'),
        ),
        (Node::new("", "a b"), Unwritable::Name),
        (Node::new("", ""), Unwritable::Name),
        (Node::new("", "a").with("b='1' c", "2"), Unwritable::Name),
        (Node::new("", "a").with("xmlns", "urn:x"), Unwritable::Name),
    ] {
        assert_eq!(Framing::Stream.stanza(&node), Err(unwritable));
    }
}

#[test]
fn debug_shows_no_password() {
    let auth = Node::new(ns::SASL, "auth")
        .with("mechanism", "PLAIN")
        .text("AGEAYg==");
    expect!["Stanza(<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>…</auth>)"]
        .assert_eq(&format!("{:?}", Frame::Stanza(auth)));
}

fn name() -> impl Strategy<Value = Box<str>> {
    "[a-z][a-z0-9.-]{0,4}".prop_filter_map("a declaration", |name| {
        (!name.starts_with("xml")).then(|| name.into_boxed_str())
    })
}

fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        20 => Just(String::new()),
        20 => "[ -~\t\n\räß€田\u{1f600}\u{fffd}]{0,20}",
        // Longer than what the parser hands over in one piece.
        1 => (0..5_usize).prop_map(|shift| "& \r<".repeat(3000)[shift..].to_owned()),
    ]
}

fn node() -> impl Strategy<Value = Node> {
    let ns = prop_oneof![
        Just(""),
        Just(ns::CLIENT),
        Just(ns::STREAMS),
        Just(ns::PUBSUB),
        Just("urn:x&'<")
    ];
    let attrs = prop::collection::btree_map(name(), "[ -~\t\n\räß田]{0,12}", 0..4);
    let leaf = (ns, name(), attrs, text()).prop_map(|(ns, name, attrs, text)| Node {
        ns: ns.into(),
        name,
        attrs: attrs.into_iter().collect(),
        children: Vec::new(),
        text,
    });
    leaf.prop_recursive(6, 40, 4, |inner| {
        (inner.clone(), prop::collection::vec(inner, 0..4))
            .prop_map(|(node, children)| node.children(children))
    })
}

proptest! {
    #[test]
    fn what_one_end_writes_the_other_reads(node in node(), piece in 1..200_usize) {
        for framing in [Framing::Stream, Framing::WebSocket] {
            let mut decoder = framing.decoder(Limits::default());
            let mut written = framing.header(&[("to", "abc.inc")]).unwrap();
            for _ in 0..2 {
                written.push_str(&framing.stanza(&node).unwrap());
            }
            written.push_str(&framing.footer());
            let (frames, malformed) = read(&mut decoder, written.as_bytes(), piece);
            assert_eq!(malformed, None, "{written}");
            assert!(matches!(frames.first(), Some(Frame::Open(_))));
            assert_eq!(frames[1..], [Frame::Stanza(node.clone()), Frame::Stanza(node.clone()), Frame::Close]);
        }
    }

    #[test]
    fn any_bytes_are_read_or_refused(bytes in any::<Vec<u8>>(), text in "[<>/!&;a-c'= :\\[\\]?#x0-9-]{0,200}", piece in 1..50_usize) {
        let limits = Limits { depth: 4, bytes: 100, nodes: 6 };
        for framing in [Framing::Stream, Framing::WebSocket] {
            for start in ["", HEADER] {
                for end in [&bytes[..], text.as_bytes()] {
                    let mut decoder = framing.decoder(limits);
                    let _ = read(&mut decoder, start.as_bytes(), usize::MAX);
                    let (frames, _) = read(&mut decoder, end, piece);
                    let _ = decoder.end_of_message();
                    for frame in frames {
                        if let Frame::Stanza(node) = frame {
                            assert!(depth(&node) <= 4 && count(&node) <= 6, "{node:?}");
                        }
                    }
                }
            }
        }
    }
}

fn depth(node: &Node) -> usize {
    1 + node.children.iter().map(depth).max().unwrap_or_default()
}

fn count(node: &Node) -> usize {
    1 + node.attrs.len() + node.children.iter().map(count).sum::<usize>()
}
