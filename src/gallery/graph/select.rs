//! Which of its near rows become a row's neighbours.

use super::code::CODE;
use super::pool::Entry;
use crate::kernels::products::Products;

/// How much nearer to one before it than to the row itself a candidate has to be to be passed over:
/// above 1 lists are longer (Subramanya et al., "`DiskANN`", 2019).
const SLACK: f32 = 1.1;

/// The paper's SELECT-NEIGHBORS-HEURISTIC: of `candidates`, the best first, up to `most` of which none
/// is nearer to one before it than to the row itself.
pub(super) fn select(candidates: &[Entry], codes: &[i8], most: usize) -> Vec<u32> {
    let products = Products::best();
    let code = |row: u32| &codes[row as usize * CODE..(row as usize + 1) * CODE];
    let mut selected: Vec<u32> = Vec::with_capacity(most);
    for candidate in candidates {
        if selected.len() == most {
            break;
        }
        let own = code(candidate.row());
        // Of unit rows, 1 less the product is half the squared distance.
        let whole = products.bytes(own, own);
        let least = whole - ((whole - candidate.dot()) as f32 / SLACK) as i32;
        let is_nearer = |other: &u32| products.bytes(own, code(*other)) > least;
        if !selected.iter().any(is_nearer) {
            selected.push(candidate.row());
        }
    }
    selected
}
