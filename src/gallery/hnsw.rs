//! Two builders of one graph behind one function: our own, and `hnsw_rs`, which it is measured against.
//!
//! Over the same codes `hnsw_rs` takes several times as long, most of it in locks and in an allocation for
//! each point and each list, and gives another graph each time (`cargo bench --bench gallery -- builders`).

use hnsw_rs::prelude::{Distance, Hnsw};

use super::graph::{Builder, CODE, Graph, M, M0, NONE};
use super::index::OnProgress;
use crate::kernels::products::Products;

const EF_CONSTRUCTION: usize = 200;
const MAX_LAYER: usize = 16;
/// Points inserted between two looks at whether the user wants to go on.
const INSERTED_AT_ONCE: usize = 512;
/// The largest product that two codes can have.
const MOST: i32 = (CODE as i32) * 127 * 127;

/// Who builds a segment's graph.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum GraphBuilder {
    /// Ours: the same rows give the same graph.
    #[default]
    Own,
    /// The crate `hnsw_rs`.
    HnswRs,
}

/// Builds the graph of `codes`, 256 values each; nothing if `go_on` says to stop.
pub fn build(builder: GraphBuilder, codes: &[i8], go_on: OnProgress<'_>) -> Option<Graph> {
    match builder {
        GraphBuilder::Own => Builder::new(codes).build(go_on),
        GraphBuilder::HnswRs => build_by_hnsw_rs(codes, go_on),
    }
}

/// How much less the product of two codes is than it could be: never below 0, where `hnsw_rs` panics.
///
/// The points given to `hnsw_rs` are numbers of codes, not codes: it would keep a copy of each.
#[derive(Clone, Copy)]
struct LessThanMost<'a>(&'a [i8]);

impl Distance<u32> for LessThanMost<'_> {
    fn eval(&self, a: &[u32], b: &[u32]) -> f32 {
        let code =
            |point: &[u32]| &self.0[point[0] as usize * CODE..(point[0] as usize + 1) * CODE];
        (MOST - Products::best().bytes(code(a), code(b))).max(0) as f32
    }
}

fn build_by_hnsw_rs(codes: &[i8], go_on: OnProgress<'_>) -> Option<Graph> {
    let points = codes.len() / CODE;
    let numbers: Vec<u32> = (0..points as u32).collect();
    let hnsw = Hnsw::new(
        M,
        points.max(1),
        MAX_LAYER,
        EF_CONSTRUCTION,
        LessThanMost(codes),
    );
    for (number, numbers) in numbers.chunks(INSERTED_AT_ONCE).enumerate() {
        if go_on(number * INSERTED_AT_ONCE, points).is_break() {
            return None;
        }
        let numbers = numbers.chunks_exact(1);
        let rows: Vec<(&[u32], usize)> = numbers.map(|point| (point, point[0] as usize)).collect();
        hnsw.parallel_insert_slice(&rows);
    }
    Some(flatten(&hnsw, points))
}

/// Takes the neighbour lists out of `hnsw_rs`' points.
fn flatten(hnsw: &Hnsw<'_, u32, LessThanMost<'_>>, points: usize) -> Graph {
    let mut graph = Graph {
        lowest: vec![NONE; points * M0],
        ..Graph::default()
    };
    let mut upper: Vec<Vec<u32>> = vec![Vec::new(); points];
    let mut top = 0;
    for point in hnsw.get_point_indexation() {
        let index = point.get_origin_id();
        let layer = usize::from(point.get_point_id().0);
        if layer > top || index == 0 && top == 0 {
            (top, graph.entry) = (layer, index as u32);
        }
        let lists = point.get_neighborhood_id();
        let ids = |list: usize, places: usize| {
            let found = lists.get(list).into_iter().flatten().map(|n| n.d_id as u32);
            found
                .chain(std::iter::repeat(NONE))
                .take(places)
                .collect::<Vec<_>>()
        };
        graph.lowest[index * M0..(index + 1) * M0].copy_from_slice(&ids(0, M0));
        upper[index] = (1..=layer).flat_map(|layer| ids(layer, M)).collect();
    }
    graph.upper_starts.push(0);
    for lists in upper {
        graph.upper.extend(lists);
        graph.upper_starts.push((graph.upper.len() / M) as u32);
    }
    graph
}
