/** The endpoint of each placement. A shelf that lacks what its placement needs asks for nothing and stays empty. */
export const REQUESTS = {
  home: (shelf) =>
    shelf.user && !shelf.items.length
      ? get(`users/${encodeURIComponent(shelf.user)}/recommendations`, { category: shelf.category })
      : post(shelf, { viewed: shelf.items }),
  product: (shelf) => shelf.item && get(`items/${encodeURIComponent(shelf.item)}/similar`, { user_id: shelf.user }),
  "bought-together": (shelf) =>
    shelf.item && get(`items/${encodeURIComponent(shelf.item)}/bought-together`, { user_id: shelf.user }),
  cart: (shelf) => post(shelf, { cart: shelf.items }),
  reorder: (shelf) => shelf.user && get(`users/${encodeURIComponent(shelf.user)}/buy-again`, {}),
  trending: (shelf) => get("trending", { category: shelf.category }),
  bestsellers: (shelf) => get("bestsellers", { category: shelf.category }),
};

function get(path, parameters) {
  return { path, parameters };
}

function post(shelf, seeds) {
  const body = { placement: shelf.placement, seeds };
  if (shelf.user) body.user_id = shelf.user;
  if (shelf.category) body.filters = { categories: [shelf.category] };
  return { path: "recommendations", body };
}
