//! What the macro writes: the implementation of the trait.

use proc_macro2::{Ident, Span, TokenStream, TokenTree};
use quote::{ToTokens, quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{DeriveInput, Generics, Result, parse_quote};

use crate::model::{Alternative, Field, Model};

/// The implementation of `TensorTree`; `default_crate` is asked for the path of the library where no attribute
/// names it.
pub(crate) fn derive(
    input: &DeriveInput,
    default_crate: impl FnOnce() -> TokenStream,
) -> Result<TokenStream> {
    let model = Model::read(input)?;
    let krate = model.crate_path.as_ref().map_or_else(default_crate, ToTokens::into_token_stream);
    let names = Names {
        path: Ident::new("__path", Span::mixed_site()),
        map: Ident::new("__map", Span::mixed_site()),
        state: Ident::new("__state", Span::mixed_site()),
        krate,
    };
    let generics = bound(&input.generics, &model, &names.krate);
    let (impl_generics, type_generics, where_clause) = generics.split_for_impl();
    let ident = &input.ident;
    let map_body = match_self(&model, |alternative| names.map_alternative(alternative));
    let hash_body = match_self(&model, |alternative| names.hash_alternative(alternative));
    let Names { krate, path, map, state } = &names;
    Ok(quote! {
        #[automatically_derived]
        impl #impl_generics #krate::TensorTree for #ident #type_generics #where_clause {
            fn try_map(
                &self,
                #path: &mut #krate::TreePath,
                #map: &mut dyn ::std::ops::FnMut(
                    &#krate::TreePath,
                    &#krate::Tensor,
                ) -> #krate::Result<#krate::Tensor>,
            ) -> #krate::Result<Self> {
                #map_body
            }

            fn hash_static(&self, #state: &mut dyn ::std::hash::Hasher) {
                #hash_body
            }
        }
    })
}

/// The generics of the implementation: those of the type, with bounds on the parameters that occur in fields.
fn bound(generics: &Generics, model: &Model<'_>, krate: &TokenStream) -> Generics {
    let mut generics = generics.clone();
    for parameter in generics.type_params_mut() {
        let occurs = |is_static| {
            let mut fields = model.fields().filter(|field| field.is_static == is_static);
            fields.any(|field| mentions(field.ty.to_token_stream(), &parameter.ident))
        };
        let (in_subtree, in_static) = (occurs(false), occurs(true));
        if in_subtree {
            parameter.bounds.push(parse_quote!(#krate::TensorTree));
        } else if in_static {
            parameter.bounds.push(parse_quote!(::std::clone::Clone));
        }
        if in_static {
            parameter.bounds.push(parse_quote!(::std::hash::Hash));
        }
    }
    generics
}

fn mentions(tokens: TokenStream, parameter: &Ident) -> bool {
    tokens.into_iter().any(|token| match token {
        TokenTree::Ident(ident) => ident == *parameter,
        TokenTree::Group(group) => mentions(group.stream(), parameter),
        TokenTree::Punct(_) | TokenTree::Literal(_) => false,
    })
}

/// A `match` on `self` that binds all fields of each alternative.
fn match_self(model: &Model<'_>, body: impl Fn(&Alternative<'_>) -> TokenStream) -> TokenStream {
    if model.alternatives.is_empty() {
        return quote!(match *self {});
    }
    let arms = model.alternatives.iter().map(|alternative| {
        let constructor = &alternative.constructor;
        let members = alternative.fields.iter().map(|field| &field.member);
        let bindings = alternative.fields.iter().map(|field| &field.binding);
        let body = body(alternative);
        quote!(#constructor { #(#members: #bindings),* } => #body)
    });
    quote!(match self { #(#arms)* })
}

/// The names that the generated code uses.
struct Names {
    krate: TokenStream,
    path: Ident,
    map: Ident,
    state: Ident,
}

impl Names {
    fn map_alternative(&self, alternative: &Alternative<'_>) -> TokenStream {
        let Self { krate, path, .. } = self;
        let constructor = &alternative.constructor;
        let members = alternative.fields.iter().map(|field| &field.member);
        let values = alternative.fields.iter().map(|field| self.map_field(field));
        let rebuilt = quote!(::std::result::Result::Ok(#constructor { #(#members: #values),* }));
        match &alternative.variant {
            Some(variant) if alternative.fields.iter().any(|field| !field.is_static) => quote! {
                {
                    #krate::TreePath::with(
                        #path,
                        #variant,
                        |#path: &mut #krate::TreePath| -> #krate::Result<Self> { #rebuilt },
                    )
                }
            },
            _ => quote!({ #rebuilt }),
        }
    }

    fn map_field(&self, field: &Field<'_>) -> TokenStream {
        let Self { krate, path, map, .. } = self;
        let Field { name, binding, .. } = field;
        if field.is_static {
            let clone = method(field, &quote!(::std::clone::Clone), "clone");
            return quote!(#clone(#binding));
        }
        let try_map = method(field, &quote!(#krate::TensorTree), "try_map");
        quote! {
            #krate::TreePath::with(
                #path,
                #name,
                |#path: &mut #krate::TreePath| #try_map(#binding, #path, &mut *#map),
            )?
        }
    }

    fn hash_alternative(&self, alternative: &Alternative<'_>) -> TokenStream {
        let Self { krate, state, .. } = self;
        let variant = alternative.variant.iter();
        let fields = alternative.fields.iter().map(|field| {
            let binding = &field.binding;
            if field.is_static {
                let hash = method(field, &quote!(::std::hash::Hash), "hash");
                quote!(#hash(#binding, &mut &mut *#state);)
            } else {
                let hash_static = method(field, &quote!(#krate::TensorTree), "hash_static");
                quote!(#hash_static(#binding, &mut *#state);)
            }
        });
        quote!({
            #(::std::hash::Hash::hash(#variant, &mut &mut *#state);)*
            #(#fields)*
        })
    }
}

/// A method of the field's type, placed at that type in the user's source: where the type lacks the trait, the
/// compiler's message points there.
fn method(field: &Field<'_>, of: &TokenStream, name: &str) -> TokenStream {
    let span = Span::mixed_site().located_at(field.ty.span());
    let name = Ident::new(name, span);
    let ty = field.ty;
    quote_spanned!(span=> <#ty as #of>::#name)
}

#[cfg(test)]
mod tests;
