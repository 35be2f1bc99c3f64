//! Whether numbers travel beside their dimension: as two parameters of a function or closure, or as
//! two fields of a struct or variant. `Vectors` and `Matrix` are both in one.

use syn::visit_mut::{self, VisitMut};
use syn::{
    ExprClosure, FieldsNamed, FnArg, GenericArgument, GenericParam, Generics, Ident, ItemEnum,
    ItemImpl, ItemStruct, ItemTrait, Pat, PatType, PathArguments, Signature, Type, TypePath,
    TypeSlice,
};

use super::tree::Tree;

/// What descriptors are made of, or may come to be.
const NUMBERS: &[&str] = &["f32", "f64", "f16", "bf16", "i8"];

/// Slices and `Vec`s of numbers, or of what a type parameter stands for, beside a dimension; not in
/// the files that may.
pub fn beside_a_dimension(tree: &Tree, places: &[&str]) -> Vec<String> {
    let mut wrong = Vec::new();
    for module in &tree.modules {
        if places.contains(&module.file.as_str()) {
            continue;
        }
        let mut code: syn::File = syn::parse2(module.code.clone()).unwrap();
        let mut pairs = Pairs::default();
        pairs.visit_file_mut(&mut code);
        let told = |(line, numbers, dimension): &(usize, String, String)| {
            let file = &module.file;
            format!("src/{file}:{line}: `{numbers}` beside `{dimension}` is a `Vectors`")
        };
        wrong.extend(pairs.found.iter().map(told));
    }
    wrong
}

#[derive(Default)]
struct Pairs {
    /// The type parameters where it looks.
    generic: Vec<String>,
    /// Lines, and the names of the two.
    found: Vec<(usize, String, String)>,
}

impl Pairs {
    fn look_at(&mut self, named: Vec<(Ident, Type)>) {
        let dimension = named.iter().find(|(name, _)| is_dimension(name));
        let Some((dimension, _)) = dimension.cloned() else {
            return;
        };
        for (name, mut kind) in named {
            let mut numbers = Numbers {
                generic: &self.generic,
                found: false,
            };
            numbers.visit_type_mut(&mut kind);
            if numbers.found {
                let line = name.span().start().line;
                self.found
                    .push((line, name.to_string(), dimension.to_string()));
            }
        }
    }

    /// Looks with the type parameters of an item known.
    fn within(&mut self, generics: &Generics, look: impl FnOnce(&mut Self)) {
        let outside = self.generic.len();
        let types = generics.params.iter().filter_map(|param| match param {
            GenericParam::Type(param) => Some(param.ident.to_string()),
            _ => None,
        });
        self.generic.extend(types);
        look(self);
        self.generic.truncate(outside);
    }
}

impl VisitMut for Pairs {
    fn visit_signature_mut(&mut self, node: &mut Signature) {
        let mut named = Vec::new();
        for input in &node.inputs {
            if let FnArg::Typed(PatType { pat, ty, .. }) = input {
                names(pat, ty, &mut named);
            }
        }
        self.within(&node.generics, |pairs| pairs.look_at(named));
        visit_mut::visit_signature_mut(self, node);
    }

    fn visit_expr_closure_mut(&mut self, node: &mut ExprClosure) {
        let mut named = Vec::new();
        for input in &node.inputs {
            if let Pat::Type(PatType { pat, ty, .. }) = input {
                names(pat, ty, &mut named);
            }
        }
        self.look_at(named);
        visit_mut::visit_expr_closure_mut(self, node);
    }

    fn visit_fields_named_mut(&mut self, node: &mut FieldsNamed) {
        let fields = node.named.iter();
        let named = fields.filter_map(|field| Some((field.ident.clone()?, field.ty.clone())));
        self.look_at(named.collect());
        visit_mut::visit_fields_named_mut(self, node);
    }

    fn visit_item_struct_mut(&mut self, node: &mut ItemStruct) {
        let generics = node.generics.clone();
        self.within(&generics, |pairs| {
            visit_mut::visit_item_struct_mut(pairs, node);
        });
    }

    fn visit_item_enum_mut(&mut self, node: &mut ItemEnum) {
        let generics = node.generics.clone();
        self.within(&generics, |pairs| {
            visit_mut::visit_item_enum_mut(pairs, node);
        });
    }

    fn visit_item_impl_mut(&mut self, node: &mut ItemImpl) {
        let generics = node.generics.clone();
        self.within(&generics, |pairs| {
            visit_mut::visit_item_impl_mut(pairs, node);
        });
    }

    fn visit_item_trait_mut(&mut self, node: &mut ItemTrait) {
        let generics = node.generics.clone();
        self.within(&generics, |pairs| {
            visit_mut::visit_item_trait_mut(pairs, node);
        });
    }
}

/// The names of a pattern with their types; tuples are taken apart.
fn names(pat: &Pat, kind: &Type, named: &mut Vec<(Ident, Type)>) {
    match (pat, kind) {
        (Pat::Ident(name), kind) => named.push((name.ident.clone(), kind.clone())),
        (Pat::Tuple(pats), Type::Tuple(kinds)) => {
            for (pat, kind) in pats.elems.iter().zip(&kinds.elems) {
                names(pat, kind, named);
            }
        }
        _ => {}
    }
}

fn is_dimension(name: &Ident) -> bool {
    let name = name.to_string();
    name.ends_with("dimension") || name == "dim" || name.ends_with("_dim")
}

/// Whether a type has numbers one after another in it, however many.
struct Numbers<'a> {
    generic: &'a [String],
    found: bool,
}

impl Numbers<'_> {
    fn is_number(&self, kind: &Type) -> bool {
        let Type::Path(TypePath {
            qself: None, path, ..
        }) = kind
        else {
            return false;
        };
        let is_known = |name: &Ident| {
            NUMBERS.iter().any(|known| name == known) || self.generic.iter().any(|it| name == it)
        };
        // `half::f16` too.
        path.segments
            .last()
            .is_some_and(|last| is_known(&last.ident))
    }
}

impl VisitMut for Numbers<'_> {
    fn visit_type_slice_mut(&mut self, node: &mut TypeSlice) {
        self.found |= self.is_number(&node.elem);
        visit_mut::visit_type_slice_mut(self, node);
    }

    fn visit_path_segment_mut(&mut self, node: &mut syn::PathSegment) {
        if let ("Vec", PathArguments::AngleBracketed(of)) =
            (&*node.ident.to_string(), &node.arguments)
        {
            let is_number = |of: &GenericArgument| matches!(of, GenericArgument::Type(of) if self.is_number(of));
            self.found |= of.args.iter().any(is_number);
        }
        visit_mut::visit_path_segment_mut(self, node);
    }
}
