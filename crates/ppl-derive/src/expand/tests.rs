use quote::{ToTokens, quote};
use syn::{DeriveInput, ImplItem, ItemImpl, parse_quote};

use super::derive;

/// The generated implementation, which must parse, for a library at `::lib`.
fn expand(item: &DeriveInput) -> ItemImpl {
    let tokens = derive(item, || quote!(::lib)).unwrap();
    syn::parse2(tokens).unwrap()
}

/// The statements of one generated method.
fn body(item: &ItemImpl, method: &str) -> String {
    let found = item.items.iter().find_map(|item| match item {
        ImplItem::Fn(function) if function.sig.ident == method => Some(&function.block),
        _ => None,
    });
    found.unwrap().stmts.iter().map(|statement| statement.to_token_stream().to_string()).collect()
}

/// Everything before the braces of the implementation.
fn header(item: &DeriveInput) -> String {
    let mut item = expand(item);
    item.items.clear();
    item.to_token_stream().to_string()
}

#[test]
fn a_struct_maps_and_hashes_its_fields_in_order() {
    let expanded = expand(&parse_quote! {
        struct Layer {
            weight: Tensor,
            #[tensor_tree(static)]
            r#type: Kind,
        }
    });
    let expected = quote! {
        #[automatically_derived]
        impl ::lib::TensorTree for Layer {
            fn try_map(
                &self,
                __path: &mut ::lib::TreePath,
                __map: &mut dyn ::std::ops::FnMut(
                    &::lib::TreePath,
                    &::lib::Tensor,
                ) -> ::lib::Result<::lib::Tensor>,
            ) -> ::lib::Result<Self> {
                match self {
                    Self { weight: __field0, r#type: __field1 } => {
                        ::std::result::Result::Ok(Self {
                            weight: ::lib::TreePath::with(
                                __path,
                                "weight",
                                |__path: &mut ::lib::TreePath|
                                    <Tensor as ::lib::TensorTree>::try_map(__field0, __path, &mut *__map),
                            )?,
                            r#type: <Kind as ::std::clone::Clone>::clone(__field1)
                        })
                    }
                }
            }

            fn hash_static(&self, __state: &mut dyn ::std::hash::Hasher) {
                match self {
                    Self { weight: __field0, r#type: __field1 } => {
                        <Tensor as ::lib::TensorTree>::hash_static(__field0, &mut *__state);
                        <Kind as ::std::hash::Hash>::hash(__field1, &mut &mut *__state);
                    }
                }
            }
        }
    };
    assert_eq!(expanded.to_token_stream().to_string(), expected.to_string());
}

#[test]
fn fields_of_tuples_are_named_by_their_index() {
    let expanded = expand(&parse_quote!(
        struct Pair(Tensor, (Tensor, Tensor));
    ));
    let map = body(&expanded, "try_map");
    let expected = quote! {
        match self {
            Self { 0: __field0, 1: __field1 } => {
                ::std::result::Result::Ok(Self {
                    0: ::lib::TreePath::with(__path, "0", |__path: &mut ::lib::TreePath|
                        <Tensor as ::lib::TensorTree>::try_map(__field0, __path, &mut *__map),
                    )?,
                    1: ::lib::TreePath::with(__path, "1", |__path: &mut ::lib::TreePath|
                        <(Tensor, Tensor) as ::lib::TensorTree>::try_map(__field1, __path, &mut *__map),
                    )?
                })
            }
        }
    };
    assert_eq!(map, expected.to_string());
}

#[test]
fn a_unit_struct_has_nothing_to_map_or_hash() {
    let expanded = expand(&parse_quote!(
        struct Unit;
    ));
    assert_eq!(
        body(&expanded, "try_map"),
        quote!(match self {
            Self {} => {
                ::std::result::Result::Ok(Self {})
            }
        })
        .to_string()
    );
    assert_eq!(
        body(&expanded, "hash_static"),
        quote!(match self {
            Self {} => {}
        })
        .to_string()
    );
}

#[test]
fn an_enum_adds_the_variant_to_the_path_and_to_the_hash() {
    let expanded = expand(&parse_quote! {
        enum Head {
            Gaussian { scale: Tensor },
            Count(#[tensor_tree(static)] usize),
            None,
        }
    });
    let map = quote! {
        match self {
            Self::Gaussian { scale: __field0 } => {
                ::lib::TreePath::with(
                    __path,
                    "Gaussian",
                    |__path: &mut ::lib::TreePath| -> ::lib::Result<Self> {
                        ::std::result::Result::Ok(Self::Gaussian {
                            scale: ::lib::TreePath::with(__path, "scale", |__path: &mut ::lib::TreePath|
                                <Tensor as ::lib::TensorTree>::try_map(__field0, __path, &mut *__map),
                            )?
                        })
                    },
                )
            }
            Self::Count { 0: __field0 } => {
                ::std::result::Result::Ok(Self::Count { 0: <usize as ::std::clone::Clone>::clone(__field0) })
            }
            Self::None {} => { ::std::result::Result::Ok(Self::None {}) }
        }
    };
    assert_eq!(body(&expanded, "try_map"), map.to_string());
    let hash = quote! {
        match self {
            Self::Gaussian { scale: __field0 } => {
                ::std::hash::Hash::hash("Gaussian", &mut &mut *__state);
                <Tensor as ::lib::TensorTree>::hash_static(__field0, &mut *__state);
            }
            Self::Count { 0: __field0 } => {
                ::std::hash::Hash::hash("Count", &mut &mut *__state);
                <usize as ::std::hash::Hash>::hash(__field0, &mut &mut *__state);
            }
            Self::None {} => {
                ::std::hash::Hash::hash("None", &mut &mut *__state);
            }
        }
    };
    assert_eq!(body(&expanded, "hash_static"), hash.to_string());
}

#[test]
fn an_enum_without_variants_is_matched_by_value() {
    let expanded = expand(&parse_quote!(
        enum Never {}
    ));
    assert_eq!(body(&expanded, "try_map"), quote!(match *self {}).to_string());
    assert_eq!(body(&expanded, "hash_static"), quote!(match *self {}).to_string());
}

#[test]
fn type_parameters_are_bound_by_what_their_fields_need() {
    let item = parse_quote! {
        struct Model<'a, A: Debug, B, C, D = Tensor, E = (), const N: usize = 2>
        where
            A: Send,
        {
            a: Vec<A>,
            #[tensor_tree(static)]
            b: [B; N],
            c: C,
            #[tensor_tree(static)]
            both: (&'a str, C),
            d: Option<D>,
        }
    };
    let expected = quote! {
        #[automatically_derived]
        impl<
            'a,
            A: Debug + ::lib::TensorTree,
            B: ::std::clone::Clone + ::std::hash::Hash,
            C: ::lib::TensorTree + ::std::hash::Hash,
            D: ::lib::TensorTree,
            E,
            const N: usize
        > ::lib::TensorTree for Model<'a, A, B, C, D, E, N>
        where
            A: Send,
        {}
    };
    assert_eq!(header(&item), expected.to_string());
}

#[test]
fn an_attribute_names_the_library() {
    let item: DeriveInput = parse_quote!(
        #[tensor_tree(crate = "crate::a::tensor")]
        struct S(Tensor);
    );
    let tokens = derive(&item, || panic!("the attribute goes first")).unwrap().to_string();
    assert!(!tokens.contains("lib ::"), "{tokens}");
    assert!(tokens.contains(&quote!(impl crate::a::tensor::TensorTree for S).to_string()), "{tokens}");
    assert!(
        tokens.contains(&quote!(<Tensor as crate::a::tensor::TensorTree>::try_map).to_string()),
        "{tokens}"
    );
}

#[test]
fn errors_become_compile_errors() {
    let item: DeriveInput = parse_quote!(union U { a: u8 });
    let error = derive(&item, || quote!(::lib)).unwrap_err();
    let tokens = error.into_compile_error().to_string();
    assert!(tokens.contains("compile_error") && tokens.contains("union"), "{tokens}");
}
