//! The `#[tensor_tree(…)]` attributes.

use quote::ToTokens;
use syn::meta::ParseNestedMeta;
use syn::{Attribute, Error, LitStr, Path, Result};

/// The path that `#[tensor_tree(crate = "path")]` gives on a type.
pub(crate) fn crate_path(attributes: &[Attribute]) -> Result<Option<Path>> {
    let mut path = None;
    for_each_key(attributes, |meta| {
        if meta.path.is_ident("crate") {
            let new = meta.value()?.parse::<LitStr>()?.parse_with(Path::parse_mod_style)?;
            if path.replace(new).is_some() { Err(meta.error("`crate` is given twice")) } else { Ok(()) }
        } else if meta.path.is_ident("static") {
            Err(meta.error("`static` goes on a field, not on a type: mark each field"))
        } else {
            Err(unknown(&meta, "`crate = \"path\"` is the one key on a type"))
        }
    })?;
    Ok(path)
}

/// Whether a field has `#[tensor_tree(static)]`.
pub(crate) fn is_static(attributes: &[Attribute]) -> Result<bool> {
    let mut is_static = false;
    for_each_key(attributes, |meta| {
        if meta.path.is_ident("static") {
            if std::mem::replace(&mut is_static, true) {
                Err(meta.error("`static` is given twice"))
            } else {
                Ok(())
            }
        } else if meta.path.is_ident("crate") {
            Err(meta.error("`crate` goes on the type, not on a field"))
        } else {
            Err(unknown(&meta, "`static` is the one key on a field"))
        }
    })?;
    Ok(is_static)
}

/// Refuses the keys of a variant, which has none.
pub(crate) fn none(attributes: &[Attribute]) -> Result<()> {
    for_each_key(attributes, |meta| {
        if meta.path.is_ident("static") {
            Err(meta.error("`static` goes on a field, not on a variant"))
        } else if meta.path.is_ident("crate") {
            Err(meta.error("`crate` goes on the type, not on a variant"))
        } else {
            Err(unknown(&meta, "a variant has no keys"))
        }
    })
}

fn for_each_key(attributes: &[Attribute], mut read: impl FnMut(ParseNestedMeta) -> Result<()>) -> Result<()> {
    for attribute in attributes.iter().filter(|attribute| attribute.path().is_ident("tensor_tree")) {
        attribute.parse_nested_meta(&mut read)?;
    }
    Ok(())
}

fn unknown(meta: &ParseNestedMeta, known: &str) -> Error {
    let key = meta.path.to_token_stream().to_string().replace(' ', "");
    meta.error(format_args!("unknown key `{key}` of `tensor_tree`: {known}"))
}

#[cfg(test)]
mod tests {
    use syn::DeriveInput;

    use crate::model::Model;

    fn errors(item: &str) -> Vec<String> {
        let input: DeriveInput = syn::parse_str(item).unwrap();
        let error = Model::read(&input).err().expect("this item is wrong");
        error.into_iter().map(|error| error.to_string()).collect()
    }

    #[test]
    fn misplaced_attributes_are_explained() {
        for (item, message) in [
            ("#[tensor_tree(static)] struct S(u8);", "`static` goes on a field, not on a type"),
            ("#[tensor_tree(static)] enum E { A }", "`static` goes on a field, not on a type"),
            ("enum E { #[tensor_tree(static)] A(u8) }", "`static` goes on a field, not on a variant"),
            ("enum E { #[tensor_tree(crate = \"a\")] A(u8) }", "`crate` goes on the type, not on a variant"),
            ("struct S(#[tensor_tree(crate = \"a\")] u8);", "`crate` goes on the type, not on a field"),
            ("struct S(#[tensor_tree(static, static)] u8);", "`static` is given twice"),
            (
                "#[tensor_tree(crate = \"a\")] #[tensor_tree(crate = \"b\")] struct S;",
                "`crate` is given twice",
            ),
        ] {
            let errors = errors(item);
            assert_eq!(errors.len(), 1, "{item}: {errors:?}");
            assert!(errors[0].starts_with(message), "{item}: {errors:?}");
        }
    }

    #[test]
    fn unknown_keys_are_named_with_the_known_one() {
        for (item, message) in [
            (
                "#[tensor_tree(rename = \"a\")] struct S;",
                "unknown key `rename` of `tensor_tree`: `crate = \"path\"`",
            ),
            ("struct S { #[tensor_tree(skip)] a: u8 }", "unknown key `skip` of `tensor_tree`: `static`"),
            ("struct S { #[tensor_tree(a::b)] a: u8 }", "unknown key `a::b` of `tensor_tree`: `static`"),
            (
                "enum E { #[tensor_tree(skip)] A }",
                "unknown key `skip` of `tensor_tree`: a variant has no keys",
            ),
        ] {
            let errors = errors(item);
            assert_eq!(errors.len(), 1, "{item}: {errors:?}");
            assert!(errors[0].starts_with(message), "{item}: {errors:?}");
        }
    }

    #[test]
    fn malformed_attributes_and_unions_are_rejected() {
        for item in [
            "#[tensor_tree] struct S;",
            "#[tensor_tree = \"a\"] struct S;",
            "#[tensor_tree(crate)] struct S;",
            "#[tensor_tree(crate = 1)] struct S;",
            "#[tensor_tree(crate = \"a b\")] struct S;",
            "struct S(#[tensor_tree(static = true)] u8);",
        ] {
            assert_eq!(errors(item).len(), 1, "{item}");
        }
        assert!(errors("union U { a: u8 }")[0].contains("union"));
    }

    #[test]
    fn all_errors_are_reported_at_once() {
        let errors = errors(
            "#[tensor_tree(static)] enum E { #[tensor_tree(x)] A(#[tensor_tree(y)] u8, #[tensor_tree(z)] u8) }",
        );
        assert_eq!(errors.len(), 4, "{errors:?}");
    }
}
