"""Continue a picture into a hole in it, with patches of what is around: after Wexler, Barnes and Newson."""
