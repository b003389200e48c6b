fn main(){
  let n: usize = std::env::args().nth(1).and_then(|s| s.parse().ok()).unwrap_or(32768);
  let count: usize = std::env::args().nth(2).and_then(|s| s.parse().ok()).unwrap_or(12000);
  let out = std::env::args().nth(3).unwrap();
  let d = eim_compression::train::dictionary(n, 1, count).unwrap();
  println!("{} octets", d.len());
  std::fs::write(out, d).unwrap();
}
