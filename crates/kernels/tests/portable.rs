//! All checks of `arguments.rs`, `conv.rs`, `gemm.rs` and `precision.rs` one after the other on one thread, for machines on which the usual harness cannot
//! start threads, such as an emulated one: `cargo test -p mlprobe-kernels --test portable`.

#[path = "arguments.rs"]
mod arguments;
#[path = "conv.rs"]
mod conv;
#[path = "gemm.rs"]
mod gemm;
#[path = "precision.rs"]
mod precision;

use mlprobe_kernels::Isa;

fn main() {
    let sets: Vec<_> = Isa::available().iter().map(|isa| isa.name()).collect();
    println!("instruction sets: {}; in use: {}", sets.join(", "), Isa::current());
    for (name, check) in gemm::ALL.iter().chain(conv::ALL).chain(precision::ALL).chain(arguments::ALL) {
        check();
        println!("{name}: ok");
    }
}
