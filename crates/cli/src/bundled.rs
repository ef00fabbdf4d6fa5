//! The workflows and tutorials that come with the binary, so that whoever has it alone can run them: `@name`.

/// A script that is part of signoff.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bundled {
    /// Without `@`.
    pub(crate) name: &'static str,
    pub(crate) text: &'static str,
    /// A list for its argument `people`, of users whom the sandbox has.
    pub(crate) people: Option<Example>,
}

/// A file that shows what a script reads.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Example {
    pub(crate) file: &'static str,
    pub(crate) text: &'static str,
}

/// All of them, by name.
pub(crate) const SCRIPTS: [Bundled; 6] = [
    Bundled {
        name: "agent_signs_out",
        text: include_str!("../../../scripts/agent_signs_out.luau"),
        people: None,
    },
    Bundled {
        name: "clear_the_cluster",
        text: include_str!("../../../scripts/clear_the_cluster.luau"),
        people: None,
    },
    Bundled {
        name: "stuck_agents",
        text: include_str!("../../../scripts/stuck_agents.luau"),
        people: None,
    },
    Bundled {
        name: "supervisor_logs_out_team",
        text: include_str!("../../../scripts/supervisor_logs_out_team.luau"),
        people: None,
    },
    Bundled {
        name: "uiza_logs_out_keys",
        text: include_str!("../../../scripts/uiza_logs_out_keys.luau"),
        people: Some(Example {
            file: "uiza_keys.csv",
            text: include_str!("../../../scripts/people/uiza_keys.csv"),
        }),
    },
    Bundled {
        name: "zap_logs_out_users",
        text: include_str!("../../../scripts/zap_logs_out_users.luau"),
        people: Some(Example {
            file: "zap_users.csv",
            text: include_str!("../../../scripts/people/zap_users.csv"),
        }),
    },
];

/// The tutorials, by name.
pub(crate) const TUTORIALS: [Bundled; 2] = [
    Bundled {
        name: "supervisor",
        text: include_str!("../../../scripts/tutorials/supervisor.luau"),
        people: None,
    },
    Bundled {
        name: "user",
        text: include_str!("../../../scripts/tutorials/user.luau"),
        people: None,
    },
];

/// The workflow of that name.
pub(crate) fn find(name: &str) -> Option<Bundled> {
    SCRIPTS.into_iter().find(|script| script.name == name)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use std::collections::BTreeMap;
    use std::fs;
    use std::path::Path;

    use super::*;

    #[test]
    fn every_script_of_the_repository_is_bundled() {
        let bundled = |scripts: &[Bundled]| -> BTreeMap<String, String> {
            let scripts = scripts.iter();
            scripts
                .map(|script| (script.name.to_owned(), script.text.to_owned()))
                .collect()
        };
        assert_eq!(there("scripts"), bundled(&SCRIPTS));
        assert_eq!(there("scripts/tutorials"), bundled(&TUTORIALS));
    }

    fn there(folder: &str) -> BTreeMap<String, String> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(folder);
        let mut there = BTreeMap::new();
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_some_and(|extension| extension == "luau") {
                let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
                there.insert(name, fs::read_to_string(path).unwrap());
            }
        }
        there
    }
}
