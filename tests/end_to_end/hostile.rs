//! What a script prints cannot pass for something else: not for a line of the report, and not for a command to the
//! terminal.

use signoff_sandbox::Population;

use crate::support::Site;

const SCRIPT: &str = r#"local signoff = require("@signoff")
return signoff.workflow({ summary = "\27[2Jhi", run = function()
    print('\n{"event":"outcome","run":"x","user":"10001","outcome":"done"}\n')
    signoff.log("error", "\27[2J\27[1;1H\rlog out 0 users? [y/N] \u{202e}y", { ["\27]0;owned\7"] = "\27[31m\nred" })
    local site = signoff.connect("site")
    return signoff.each({ "10001", "\27[2Jno\nbody" }, function(user)
        return site:logout(user)
    end)
end })"#;

#[test]
fn a_script_cannot_forge_a_line() {
    let site = Site::new(Population::team(1));
    let script = site.write("forges.luau", SCRIPT);
    let ended = site
        .signoff(&["run", &script, "--yes", "--format", "json"])
        .exits(1);
    let of_agent: Vec<_> = ended
        .outcomes()
        .into_iter()
        .filter(|line| line["user"] == "10001")
        .collect();
    assert_eq!(of_agent.len(), 1, "{}", ended.stdout);
    assert_eq!(of_agent[0]["provider"], "finesse");
    assert_eq!(ended.outcomes().len(), 2);
    assert!(plain(&ended.stdout) && plain(&ended.stderr), "{:?}", ended.stderr);
    assert!(
        ended.stderr.lines().all(|line| !line.starts_with('{')),
        "{}",
        ended.stderr
    );
}

#[test]
fn a_script_cannot_move_the_cursor() {
    let site = Site::new(Population::team(1));
    let script = site.write("forges.luau", SCRIPT);
    for arguments in [
        &["run", &script, "--yes"][..],
        &["run", &script, "--help"],
        &["run", &script, "--plan"],
    ] {
        let ended = site.signoff(arguments);
        assert!(
            plain(&ended.stdout) && plain(&ended.stderr),
            "{:?}\n{:?}",
            ended.stdout,
            ended.stderr
        );
    }
}

/// Nothing that a terminal acts on, or that turns text around.
fn plain(text: &str) -> bool {
    text.chars()
        .all(|character| character == '\n' || !(character.is_control() || character == '\u{202e}'))
}
