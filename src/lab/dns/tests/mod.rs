mod wire;
mod zone;
