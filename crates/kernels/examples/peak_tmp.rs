use mlprobe_kernels::*; use std::time::Duration;
fn main(){ for isa in Isa::available(){ println!("{isa} {:.1}", fma_peak(isa, Duration::from_millis(500))/1e9); } 
 let t: f64 = std::thread::scope(|s| { let h: Vec<_> = (0..2).map(|_| s.spawn(|| fma_peak(Isa::current(), Duration::from_millis(500)))).collect(); h.into_iter().map(|h| h.join().unwrap()).sum() }); println!("all {:.1}", t/1e9); }
