//! How the generated code names the library: decided by the package that is being compiled.

use std::env;
use std::fs;
use std::path::Path;

use proc_macro2::TokenStream;
use quote::quote;

/// The path of the library in the package that is being compiled, told by Cargo's environment variables.
pub(crate) fn of_current_package() -> TokenStream {
    let package = env::var("CARGO_PKG_NAME").unwrap_or_default();
    let manifest = env::var_os("CARGO_MANIFEST_DIR")
        .and_then(|directory| fs::read_to_string(Path::new(&directory).join("Cargo.toml")).ok())
        .unwrap_or_default();
    of_package(&package, &manifest)
}

fn of_package(package: &str, manifest: &str) -> TokenStream {
    let facade = match package {
        "ppl" => true,
        "ppl-tensor" => false,
        _ => depends_on_facade_only(manifest),
    };
    if facade { quote!(::ppl::tensor) } else { quote!(::ppl_tensor) }
}

/// Whether `ppl` is reachable and `ppl-tensor` is not. What only tests see counts where the rest lists neither.
fn depends_on_facade_only(manifest: &str) -> bool {
    let dependencies = dependencies(manifest);
    let lists = |kind, name: &str| dependencies.iter().any(|(k, n)| *k == kind && n == name);
    [Kind::Normal, Kind::Dev]
        .into_iter()
        .find(|&kind| lists(kind, "ppl") || lists(kind, "ppl-tensor"))
        .is_some_and(|kind| !lists(kind, "ppl-tensor"))
}

#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Normal,
    Dev,
}

/// The dependencies a manifest lists, by kind. One may occur several times.
fn dependencies(manifest: &str) -> Vec<(Kind, String)> {
    let mut table = Vec::new();
    let mut found = Vec::new();
    for statement in statements(manifest) {
        let key = if statement.starts_with('[') {
            table = dotted_key(statement.trim_matches(['[', ']']));
            table.clone()
        } else {
            table.iter().cloned().chain(dotted_key(&statement)).collect()
        };
        found.extend(dependency(&key));
    }
    found
}

/// The dependency that a full key (`dependencies.ppl.workspace`, `target.'cfg(unix)'.dependencies.ppl`) is about.
fn dependency(key: &[String]) -> Option<(Kind, String)> {
    let key = match key {
        [first, _, rest @ ..] if first == "target" => rest,
        _ => key,
    };
    let [section, name, ..] = key else { return None };
    match section.as_str() {
        "dependencies" => Some((Kind::Normal, name.clone())),
        "dev-dependencies" => Some((Kind::Dev, name.clone())),
        _ => None,
    }
}

/// The statements of a TOML document (headers and assignments) without comments. An assignment may span lines.
fn statements(document: &str) -> Vec<String> {
    let mut statements = vec![String::new()];
    let mut depth = 0_usize;
    let mut rest = document;
    while let Some(first) = rest.chars().next() {
        let length = match first {
            '"' | '\'' => string_length(rest),
            '#' => rest.find('\n').unwrap_or(rest.len()),
            _ => first.len_utf8(),
        };
        let (token, tail) = rest.split_at(length);
        rest = tail;
        match first {
            '[' | '{' => depth += 1,
            ']' | '}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        if first == '\n' && depth == 0 {
            statements.push(String::new());
        } else if first != '#'
            && let Some(statement) = statements.last_mut()
        {
            statement.push_str(token);
        }
    }
    statements.iter().map(|statement| statement.trim().to_owned()).filter(|s| !s.is_empty()).collect()
}

/// The length of the string literal that `text` starts with, quotes included.
fn string_length(text: &str) -> usize {
    let delimiter = ["\"\"\"", "'''", "\"", "'"].into_iter().find(|d| text.starts_with(d)).unwrap_or("\"");
    let mut at = delimiter.len();
    while let Some(next) = text[at..].chars().next() {
        if text[at..].starts_with(delimiter) {
            return at + delimiter.len();
        }
        at += next.len_utf8();
        if next == '\\' && delimiter.starts_with('"') {
            at += text[at..].chars().next().map_or(0, char::len_utf8);
        }
    }
    text.len()
}

/// The segments of the dotted key that `text` starts with, up to a `=`.
fn dotted_key(text: &str) -> Vec<String> {
    let mut segments = vec![String::new()];
    let mut quote = None;
    for character in text.chars() {
        match (quote, character) {
            (None, '=') => break,
            (None, '.') => segments.push(String::new()),
            (None, '"' | '\'') => quote = Some(character),
            (None, space) if space.is_whitespace() => {}
            (Some(open), close) if open == close => quote = None,
            (_, other) => {
                if let Some(segment) = segments.last_mut() {
                    segment.push(other);
                }
            }
        }
    }
    segments
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(package: &str, manifest: &str) -> String {
        of_package(package, manifest).to_string().replace(' ', "")
    }

    #[test]
    fn the_package_names_decide_first() {
        assert_eq!(path("ppl", "[dependencies]\nppl-tensor.workspace = true"), "::ppl::tensor");
        assert_eq!(path("ppl-tensor", "[dev-dependencies]\nppl.workspace = true"), "::ppl_tensor");
        assert_eq!(path("", ""), "::ppl_tensor");
    }

    #[test]
    fn each_way_to_write_a_dependency_is_read() {
        for manifest in [
            "[dependencies]\nppl = \"0.1\"",
            "[dependencies]\nppl.workspace = true",
            "[dependencies]\n  ppl = { workspace = true, features = [\n  \"burn\",\n] }",
            "[ dependencies ] # what users see\n\"ppl\" = '0.1' # the facade",
            "[dependencies.ppl]\nworkspace = true",
            "[dependencies.ppl]",
            "[dev-dependencies]\r\nserde = \"1\"\r\nppl = { path = \"../ppl\" }\r\n",
            "[dev-dependencies.ppl]\npath = \"../ppl\"",
            "[target.'cfg(not(target_os = \"none\"))'.dependencies]\nppl = \"0.1\"",
            "[target.x86_64-unknown-linux-gnu.dependencies.ppl]\nversion = \"0.1\"",
            "dependencies.ppl = \"0.1\"",
        ] {
            assert_eq!(path("model", manifest), "::ppl::tensor", "{manifest}");
        }
    }

    #[test]
    fn what_is_not_a_dependency_on_ppl_is_not_taken_for_one() {
        for manifest in [
            "[package]\nname = \"ppl-model\"\nppl = \"0.1\"",
            "[dependencies]\nppl-core = \"0.1\"\nxppl = \"0.1\"",
            "[workspace.dependencies]\nppl = \"0.1\"",
            "[build-dependencies]\nppl = \"0.1\"",
            "[dependencies]\n# ppl = \"0.1\"\nserde = { version = \"1\", features = [\n\"ppl\" ] }",
            "[package]\ndescription = \"\"\"\n[dependencies]\nppl = \\\"\"\" # '\n\"\"\"",
            "[package]\ndescription = '''\n[dependencies]\nppl = \\'''\nname = 'x'",
            "[package.metadata]\nx = [\n[\"dependencies\"],\n]\nppl = 1",
        ] {
            assert_eq!(path("model", manifest), "::ppl_tensor", "{manifest}");
        }
    }

    #[test]
    fn the_tensor_crate_is_preferred_where_the_library_sees_it() {
        assert_eq!(path("m", "[dependencies]\nppl = \"0.1\"\nppl-tensor = \"0.1\""), "::ppl_tensor");
        assert_eq!(
            path("m", "[dependencies]\nppl-tensor = \"0.1\"\n[dev-dependencies]\nppl = \"0.1\""),
            "::ppl_tensor"
        );
        assert_eq!(
            path("m", "[dependencies]\nppl = \"0.1\"\n[dev-dependencies]\nppl-tensor = \"0.1\""),
            "::ppl::tensor"
        );
        assert_eq!(path("m", "[dev-dependencies]\nppl = \"0.1\"\nppl-tensor = \"0.1\""), "::ppl_tensor");
    }

    #[test]
    fn unfinished_documents_are_read_to_their_end() {
        for manifest in ["[", "]", "=", "\"", "'''a", "\"\\", "[dependencies\nppl", "é = \"é"] {
            assert_eq!(path("model", manifest), "::ppl_tensor", "{manifest}");
        }
    }
}
