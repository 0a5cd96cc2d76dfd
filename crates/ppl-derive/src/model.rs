//! What the macro reads: the alternatives of a type and their fields.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{format_ident, quote};
use syn::ext::IdentExt;
use syn::{Data, DeriveInput, Error, Fields, Index, Member, Path, Result, Type};

use crate::attributes;

/// The type that derives.
pub(crate) struct Model<'a> {
    /// The path of the library, where an attribute names it.
    pub(crate) crate_path: Option<Path>,
    /// The struct itself, or the variants of the enum.
    pub(crate) alternatives: Vec<Alternative<'a>>,
}

/// A struct or one variant of an enum.
pub(crate) struct Alternative<'a> {
    /// `Self` or `Self::Variant`.
    pub(crate) constructor: TokenStream,
    /// The name of the variant; a struct has none.
    pub(crate) variant: Option<String>,
    /// The fields in the order of their declaration.
    pub(crate) fields: Vec<Field<'a>>,
}

/// One field.
pub(crate) struct Field<'a> {
    /// How patterns and constructors name it.
    pub(crate) member: Member,
    /// How paths name it.
    pub(crate) name: String,
    /// The variable that is bound to it.
    pub(crate) binding: Ident,
    /// Its type.
    pub(crate) ty: &'a Type,
    /// Whether it is part of the structure and not a subtree.
    pub(crate) is_static: bool,
}

impl<'a> Model<'a> {
    /// Reads a type; the error holds everything that is wrong with it.
    pub(crate) fn read(input: &'a DeriveInput) -> Result<Self> {
        let mut errors = Errors::default();
        let crate_path = errors.collect(attributes::crate_path(&input.attrs)).flatten();
        let alternatives = match &input.data {
            Data::Struct(data) => vec![Alternative {
                constructor: quote!(Self),
                variant: None,
                fields: errors.collect(read_fields(&data.fields)).unwrap_or_default(),
            }],
            Data::Enum(data) => {
                let mut alternatives = Vec::new();
                for variant in &data.variants {
                    errors.collect(attributes::none(&variant.attrs));
                    let ident = &variant.ident;
                    alternatives.push(Alternative {
                        constructor: quote!(Self::#ident),
                        variant: Some(ident.unraw().to_string()),
                        fields: errors.collect(read_fields(&variant.fields)).unwrap_or_default(),
                    });
                }
                alternatives
            }
            Data::Union(data) => {
                let message = "`TensorTree` cannot be derived for a union: which field is live is not known";
                errors.collect::<()>(Err(Error::new(data.union_token.span, message)));
                Vec::new()
            }
        };
        errors.none_or(Self { crate_path, alternatives })
    }

    /// All fields of all alternatives.
    pub(crate) fn fields(&self) -> impl Iterator<Item = &Field<'a>> {
        self.alternatives.iter().flat_map(|alternative| &alternative.fields)
    }
}

fn read_fields(fields: &Fields) -> Result<Vec<Field<'_>>> {
    let mut errors = Errors::default();
    let mut read = Vec::new();
    for (index, field) in fields.iter().enumerate() {
        let member = match &field.ident {
            Some(ident) => Member::Named(ident.clone()),
            None => Member::Unnamed(Index::from(index)),
        };
        let name = match &member {
            Member::Named(ident) => ident.unraw().to_string(),
            Member::Unnamed(_) => index.to_string(),
        };
        read.push(Field {
            member,
            name,
            binding: format_ident!("__field{index}", span = Span::mixed_site()),
            ty: &field.ty,
            is_static: errors.collect(attributes::is_static(&field.attrs)).unwrap_or_default(),
        });
    }
    errors.none_or(read)
}

/// Errors so far, so that one compilation reports all of them.
#[derive(Default)]
struct Errors(Option<Error>);

impl Errors {
    fn collect<T>(&mut self, result: Result<T>) -> Option<T> {
        match result {
            Ok(value) => Some(value),
            Err(error) => {
                match &mut self.0 {
                    Some(errors) => errors.combine(error),
                    None => self.0 = Some(error),
                }
                None
            }
        }
    }

    fn none_or<T>(self, value: T) -> Result<T> {
        self.0.map_or(Ok(value), Err)
    }
}
