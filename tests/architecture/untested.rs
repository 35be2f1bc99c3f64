//! A file without what is only compiled for tests.

use proc_macro2::TokenStream;
use quote::ToTokens;
use syn::parse::{ParseStream, Parser};
use syn::punctuated::Punctuated;
use syn::visit_mut::{self, VisitMut};
use syn::{
    Attribute, Block, ExprMatch, ExprStruct, Fields, File, ImplItem, Item, ItemEnum, ItemImpl,
    ItemMod, ItemTrait, Meta, Token, TraitItem,
};

/// The file without its tests, and the names of modules in files of their own that are tests.
pub fn without_tests(mut file: File) -> (File, Vec<String>) {
    let mut tests = Vec::new();
    let all = file.attrs.iter().any(only_for_tests);
    file.items.retain(|item| {
        let test = all || is_test(item);
        if let (
            true,
            Item::Mod(ItemMod {
                ident,
                content: None,
                ..
            }),
        ) = (test, item)
        {
            tests.push(ident.to_string());
        }
        !test
    });
    Untested.visit_file_mut(&mut file);
    (file, tests)
}

struct Untested;

impl VisitMut for Untested {
    fn visit_item_mod_mut(&mut self, node: &mut ItemMod) {
        if let Some((_, items)) = &mut node.content {
            items.retain(|item: &Item| !is_test(item));
        }
        visit_mut::visit_item_mod_mut(self, node);
    }

    fn visit_item_impl_mut(&mut self, node: &mut ItemImpl) {
        node.items.retain(|item: &ImplItem| !is_test(item));
        visit_mut::visit_item_impl_mut(self, node);
    }

    fn visit_item_trait_mut(&mut self, node: &mut ItemTrait) {
        node.items.retain(|item: &TraitItem| !is_test(item));
        visit_mut::visit_item_trait_mut(self, node);
    }

    fn visit_item_enum_mut(&mut self, node: &mut ItemEnum) {
        node.variants.retain(|variant| !is_test(variant));
        visit_mut::visit_item_enum_mut(self, node);
    }

    fn visit_fields_mut(&mut self, node: &mut Fields) {
        match node {
            Fields::Named(fields) => fields.named.retain(|field| !is_test(field)),
            Fields::Unnamed(fields) => fields.unnamed.retain(|field| !is_test(field)),
            Fields::Unit => {}
        }
        visit_mut::visit_fields_mut(self, node);
    }

    fn visit_expr_struct_mut(&mut self, node: &mut ExprStruct) {
        node.fields.retain(|field| !is_test(field));
        visit_mut::visit_expr_struct_mut(self, node);
    }

    fn visit_expr_match_mut(&mut self, node: &mut ExprMatch) {
        node.arms.retain(|arm| !is_test(arm));
        visit_mut::visit_expr_match_mut(self, node);
    }

    fn visit_block_mut(&mut self, node: &mut Block) {
        node.stmts.retain(|statement| !is_test(statement));
        visit_mut::visit_block_mut(self, node);
    }
}

fn is_test(node: &impl ToTokens) -> bool {
    let attributes = |input: ParseStream<'_>| {
        let attributes = Attribute::parse_outer(input)?;
        input.parse::<TokenStream>()?;
        Ok(attributes)
    };
    let attributes = attributes.parse2(node.to_token_stream());
    attributes.is_ok_and(|all| all.iter().any(only_for_tests))
}

fn only_for_tests(attribute: &Attribute) -> bool {
    let conditions = attribute.path().is_ident("cfg").then_some(&attribute.meta);
    attribute.path().is_ident("test")
        || conditions
            .is_some_and(|meta| inner(meta).iter().all(needs_test) && !inner(meta).is_empty())
}

/// Whether a condition holds for tests alone; `any(test, unix)` and `not(test)` do not.
fn needs_test(condition: &Meta) -> bool {
    let parts = inner(condition);
    let path = condition.path();
    path.is_ident("test")
        || path.is_ident("all") && parts.iter().any(needs_test)
        || path.is_ident("any") && !parts.is_empty() && parts.iter().all(needs_test)
}

fn inner(meta: &Meta) -> Vec<Meta> {
    let parts = Punctuated::<Meta, Token![,]>::parse_terminated;
    meta.require_list()
        .and_then(|list| list.parse_args_with(parts))
        .map(|parts| parts.into_iter().collect())
        .unwrap_or_default()
}
